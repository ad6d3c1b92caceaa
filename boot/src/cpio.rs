//! cpio archives in the newc format.
