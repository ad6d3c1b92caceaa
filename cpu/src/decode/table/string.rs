//! Rows of the string instructions.

use super::{Rows, rows};

pub(crate) const ROWS: Rows = rows! {};
