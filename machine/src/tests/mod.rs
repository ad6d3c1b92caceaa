//! Tests of the board alone, and of whole machines running small guests.

mod board;
mod firmware;
mod guests;
