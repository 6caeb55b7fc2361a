//! Calendar days: people pick the last day of a share, while a share ends at an instant.

use super::{rights::Expiry, time::Timestamp};
use chrono::{FixedOffset, NaiveDate};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Expiry {
    /// The end of a share that lasts through this day: the midnight after it, by the clocks at this offset from UTC.
    ///
    /// # The off-by-one of picked days
    ///
    /// Who picks 29 March means that it works on 29 March. Three ways to lose that day or to add to it:
    ///
    /// - **midnight at its start**: the share is dead all day long;
    /// - **UTC's midnight**: in New York it ends in the evening of that day, in Berlin one or two hours
    ///   late;
    /// - **today's offset**: an hour off when clocks change between the picking and the end.
    ///
    /// So `offset` is that of the person's zone in the **last second of `day`**. With a zone of `chrono-tz`, say,
    /// `zone.from_local_datetime(&day.and_time(last_second)).latest()` has it (`offset().fix()`), also where clocks
    /// change at midnight. That days of 23 and 25 hours are as long as they are then follows from the offsets: here in
    /// Berlin, where clocks are at +01:00 in winter and at +02:00 in summer.
    ///
    /// ```
    /// use chrono::{FixedOffset, NaiveDate};
    /// use dashshare::Expiry;
    /// let day = |text: &str| text.parse::<NaiveDate>();
    /// let (winter, summer): (FixedOffset, FixedOffset) = ("+01:00".parse()?, "+02:00".parse()?);
    ///
    /// // Clocks go forward on 29 March: the day begins at +01:00 and ends at +02:00, 23 hours after the one before.
    /// assert_eq!(Expiry::through_day(day("2026-03-28")?, winter).to_string(), "2026-03-28T23:00:00Z");
    /// assert_eq!(Expiry::through_day(day("2026-03-29")?, summer).to_string(), "2026-03-29T22:00:00Z");
    ///
    /// // Clocks go back on 25 October: 25 hours.
    /// assert_eq!(Expiry::through_day(day("2026-10-24")?, summer).to_string(), "2026-10-24T22:00:00Z");
    /// assert_eq!(Expiry::through_day(day("2026-10-25")?, winter).to_string(), "2026-10-25T23:00:00Z");
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    ///
    /// The interval is half open, as always: at that midnight it is over. An end beyond
    /// [`Timestamp::MIN`] or [`Timestamp::MAX`] becomes that.
    pub const fn through_day(day: NaiveDate, offset: FixedOffset) -> Self {
        let midnights = (day.to_epoch_days() as i64).saturating_add(1);
        let by_clock = midnights.saturating_mul(MICROS_PER_DAY);
        Self::At(Timestamp::from_micros(by_clock.saturating_sub(offset_micros(offset))))
    }

    /// The last day on which it is not over, by the clocks at this offset from UTC; `None` for never. What a page shows
    /// as 'through', and the way back from [`through_day`](Self::through_day) with the same offset.
    ///
    /// It is the day of the instant just before the end. Take the offset of that instant, not today's.
    ///
    /// ```
    /// use dashshare::{Expiry, Timestamp};
    /// let end: Timestamp = "2026-03-29T22:00:00Z".parse()?;
    /// let day = Expiry::At(end).last_day("+02:00".parse()?).unwrap();
    /// assert_eq!(day.to_string(), "2026-03-29");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn last_day(self, offset: FixedOffset) -> Option<NaiveDate> {
        let before = self.at()?.micros().saturating_sub(1);
        let by_clock = before.saturating_add(offset_micros(offset));
        NaiveDate::from_epoch_days(by_clock.div_euclid(MICROS_PER_DAY).try_into().ok()?)
    }
}

const fn offset_micros(offset: FixedOffset) -> i64 {
    (offset.local_minus_utc() as i64).saturating_mul(MICROS_PER_SECOND)
}
