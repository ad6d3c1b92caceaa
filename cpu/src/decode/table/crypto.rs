//! Rows of the instructions for cryptography: AES, PCLMULQDQ, SHA and GFNI in their legacy encodings.

use super::{Rows, rows};
use crate::engine::hot::form::*;
use crate::engine::hot::host_operation::Replacing;
use crate::insn::sse::aes::*;
use crate::insn::sse::carryless::*;
use crate::insn::sse::gfni::*;
use crate::insn::sse::operation::{three_of, two, two_imm, two_imm_of, two_of};
use crate::insn::sse::sha::*;

pub(crate) const ROWS: Rows = rows! {
    Aesenc_xmm_xmmm128 => host(Aesenc);
    Aesenclast_xmm_xmmm128 => host(Aesenclast);
    Aesdec_xmm_xmmm128 => host(Aesdec);
    Aesdeclast_xmm_xmmm128 => host(Aesdeclast);
    Aesimc_xmm_xmmm128 => host(Aesimc);
    Aeskeygenassist_xmm_xmmm128_imm8 => plain(two_imm::<Aeskeygenassist>);
    Pclmulqdq_xmm_xmmm128_imm8 => sse(two_imm::<Pclmulqdq>, Replacing<Pclmulqdq>);
    // Their memory operands need not be aligned (docs/hardware.md).
    Sha1nexte_xmm_xmmm128 => sse(two_of::<Sha1nexte, false>, Replacing<Sha1nexte>);
    Sha1msg1_xmm_xmmm128 => sse(two_of::<Sha1msg1, false>, Replacing<Sha1msg1>);
    Sha1msg2_xmm_xmmm128 => sse(two_of::<Sha1msg2, false>, Replacing<Sha1msg2>);
    Sha256msg1_xmm_xmmm128 => sse(two_of::<Sha256msg1, false>, Replacing<Sha256msg1>);
    Sha256msg2_xmm_xmmm128 => sse(two_of::<Sha256msg2, false>, Replacing<Sha256msg2>);
    Sha1rnds4_xmm_xmmm128_imm8 => sse(two_imm_of::<Sha1rnds4, false>, Replacing<Sha1rnds4>);
    Sha256rnds2_xmm_xmmm128 => sse(three_of::<Sha256rnds2, false>, Replacing<Sha256rnds2>);
    Gf2p8mulb_xmm_xmmm128 => plain(two::<Gf2p8mulb>);
    Gf2p8affineqb_xmm_xmmm128_imm8 => plain(two_imm::<Gf2p8affineqb>);
    Gf2p8affineinvqb_xmm_xmmm128_imm8 => plain(two_imm::<Gf2p8affineinvqb>);
};
