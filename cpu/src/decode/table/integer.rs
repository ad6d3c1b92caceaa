//! Rows of the integer instructions.

use super::{Rows, rows};

pub(crate) const ROWS: Rows = rows! {};
