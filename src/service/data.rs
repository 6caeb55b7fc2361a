//! The one door to data: what of a question may be read.

use super::{dashshare::Dashshare, error::Error};
use crate::{
    decision::{Admitted, DataDenied, Decision},
    host::{Directory, Env, Store},
    lock::Query,
};

/// # Data
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// What of a question for data may be read now, under a decision about the dashboard: the pieces of its range that some
    /// grant, the link or the policies admit. Everything that shows data goes through here, whatever its kind: views,
    /// exports, annotations, newest values, pictures. A question is about what is **read**; a host filters by the pieces
    /// before it does anything else with values.
    ///
    /// A stream asks [`authorize_device`](Self::authorize_device) once and then
    /// [`DeviceDecision::admit`](crate::DeviceDecision::admit) as time goes on, which asks nobody.
    ///
    /// # Errors
    ///
    /// If the directory fails. That nothing is admitted is no error of this function: it is the inner one.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, lock::*, policy::Resource, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.directory().add_device(dashboard, Resource::new("device", "pump-1"));
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let day = Lock::NONE.devices(["pump-1".into()]).last("24h".parse()?);
    /// let terms = Terms::view(Expiry::Never).locked(day);
    /// sharing.share(olga, dashboard, NewShare::with(ann, terms)).await?;
    ///
    /// let decision = sharing.authorize(ann, dashboard, Action::View).await?;
    /// let week = Query::new(ReadKind::Series, "pump-1", "temp").between(start.plus_micros(-604_800_000_000), start);
    /// let admitted = sharing.admit(&decision, &week).await??;
    /// assert!(admitted.is_cut(), "six days of seven are not shown");
    /// assert_eq!(admitted.pieces()[0].range.from, Some(start.plus_micros(-86_400_000_000)));
    ///
    /// let other = Query::new(ReadKind::Series, "pump-2", "temp");
    /// let denied = sharing.admit(&decision, &other).await?.unwrap_err();
    /// println!("{}", denied.tell()); // to Ann
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [K14](crate::specification), [K16](crate::specification).
    pub async fn admit(
        &self,
        decision: &Decision,
        query: &Query,
    ) -> Result<Result<Admitted, Box<DataDenied>>, Error> {
        let device = self.authorize_device(decision, &query.device).await?;
        Ok(device.admit(query, self.now()))
    }

    /// The same for a computed value: of each of its inputs the pieces that are common to all of them, in the order of the
    /// inputs. One input that is denied denies all.
    ///
    /// # Errors
    ///
    /// As of [`admit`](Self::admit).
    ///
    /// Rules: [K16](crate::specification).
    pub async fn admit_computed(
        &self,
        decision: &Decision,
        inputs: &[Query],
    ) -> Result<Result<Vec<Admitted>, Box<DataDenied>>, Error> {
        let now = self.now();
        let mut admitted = Vec::with_capacity(inputs.len());
        let mut first = None;
        for query in inputs {
            let device = self.authorize_device(decision, &query.device).await?;
            match device.admit(query, now) {
                Ok(input) => admitted.push(input),
                Err(denied) => return Ok(Err(denied)),
            }
            first.get_or_insert(device);
        }
        match (Admitted::common(admitted), first) {
            (Some(common), _) => Ok(Ok(common)),
            (None, Some(first)) => Ok(Err(first.apart())),
            (None, None) => Ok(Ok(Vec::new())),
        }
    }
}
