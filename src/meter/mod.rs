//! Metering of data output, without a clock, a store or waiting: periods, plans, how a batch of charges is judged, and what
//! the figures are kept by.

mod batch;
mod counter;
mod line;
mod notice;
mod offsets;
mod period;
mod plan;
mod sums;
mod tally;
mod ticket;

pub use {
    batch::{Batch, BatchId, Charge, ChargeId, HandBack, Outcome},
    counter::{Take, Taken},
    line::{Figures, Line, LinePlace, LineQuery, Outlet},
    notice::{Notice, NoticeId, Warning},
    offsets::Offsets,
    period::Period,
    plan::Plan,
    sums::Sums,
    tally::{MOST, Tally, Warnings},
    ticket::Ticket,
};
