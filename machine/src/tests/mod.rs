//! Tests of the board alone, and of whole machines running small guests.

mod board;
mod drives;
mod firmware;
mod guests;
mod xen;
