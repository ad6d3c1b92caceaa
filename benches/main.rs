//! The criterion benches, in one binary: each binary compiles the whole engine again at its link (thin LTO),
//! as the command's does, and so measures what is shipped.
//!
//! ```sh
//! cargo bench                    # all of them, about three minutes
//! cargo bench -- dispatch        # a group: dispatch, forms, sse, mmu, strings, system, decode, smc, boot
//! cargo bench -- system/syscall  # one bench
//! ```

use criterion::criterion_main;

mod boot;
mod decode;
mod dispatch;
mod guest;
mod mmu;

criterion_main!(dispatch::benches, mmu::benches, decode::benches, boot::benches);
