//! Sockets and pacing threads around `ringline-media`.
//!
//! A [`MediaCore`] owns a few threads that wake on shared 5 ms slots. A leg lives on the thread of its room, with its
//! socket; the control side reaches it through a queue only, and no lock is shared with the threads.

#![deny(unsafe_code)]

mod command;
mod core;
mod error;
mod host;
#[allow(unsafe_code)]
mod nearby;
mod outgoing;
mod ports;
mod request;
mod room;
mod seed;
mod stats;
#[allow(unsafe_code)]
mod sys;
mod transport;
#[cfg_attr(test, allow(unsafe_code))]
mod wake;
mod web;
mod worker;

pub use crate::core::{MediaCore, Target};
pub use command::Arrangement;
pub use error::MediaError;
pub use request::{PlanRequest, Settings};
pub use sys::{
    monotonic_ns, run_early, run_first, sleep_until, stamp_arrivals, thread_cpu_ns, wall_us, Batch, Received,
};
pub use transport::Transport;
pub use wake::{event_queue, EventReceiver, EventSender};
pub use web::WebLocal;
