//! Rows of the instructions on extended state, its neighbours, and of what a later processor added to the
//! system instructions.

use super::{Rows, rows};
use crate::insn::fxsave::{Offsets, Selectors};
use crate::insn::{
    random::*, segment_base::*, system::*, translation::*, tsc::*, wait::*, xsave::*,
};

pub(crate) const ROWS: Rows = rows! {
    // XSAVE.
    Xsave_mem => plain(xsave::<Plain, Selectors>);
    Xsave64_mem => plain(xsave::<Plain, Offsets>);
    Xsaveopt_mem => plain(xsave::<Optimised, Selectors>);
    Xsaveopt64_mem => plain(xsave::<Optimised, Offsets>);
    Xsavec_mem => plain(xsave::<Compacted, Selectors>);
    Xsavec64_mem => plain(xsave::<Compacted, Offsets>);
    Xsaves_mem => plain(xsave::<Supervisor, Selectors>);
    Xsaves64_mem => plain(xsave::<Supervisor, Offsets>);
    Xrstor_mem => plain(xrstor::<false, Selectors>);
    Xrstor64_mem => plain(xrstor::<false, Offsets>);
    Xrstors_mem => plain(xrstor::<true, Selectors>);
    Xrstors64_mem => plain(xrstor::<true, Offsets>);
    Xgetbv => plain(xgetbv);
    Xsetbv => plain(xsetbv);

    // Protection keys.
    Rdpkru => plain(rdpkru);
    Wrpkru => plain(wrpkru);

    // Translations.
    Invlpg_m => plain(invlpg);
    Invpcid_r32_m128 => plain(invpcid);
    Invpcid_r64_m128 => plain(invpcid);

    // FS and GS bases.
    Rdfsbase_r32 => plain(rd_base::<u32, FS>);
    Rdfsbase_r64 => plain(rd_base::<u64, FS>);
    Rdgsbase_r32 => plain(rd_base::<u32, GS>);
    Rdgsbase_r64 => plain(rd_base::<u64, GS>);
    Wrfsbase_r32 => plain(wr_base::<u32, FS>);
    Wrfsbase_r64 => plain(wr_base::<u64, FS>);
    Wrgsbase_r32 => plain(wr_base::<u32, GS>);
    Wrgsbase_r64 => plain(wr_base::<u64, GS>);

    // Random numbers, processor number.
    Rdrand_r16 => plain(rdrand::<u16>);
    Rdrand_r32 => plain(rdrand::<u32>);
    Rdrand_r64 => plain(rdrand::<u64>);
    Rdseed_r16 => plain(rdrand::<u16>);
    Rdseed_r32 => plain(rdrand::<u32>);
    Rdseed_r64 => plain(rdrand::<u64>);
    Rdpid_r32 => plain(rdpid);
    Rdpid_r64 => plain(rdpid);

    // Waiting, caches.
    Monitorw => plain(monitor);
    Monitord => plain(monitor);
    Monitorq => plain(monitor);
    Mwait => plain(mwait) ends;
    Wbnoinvd => plain(wbinvd);
};
