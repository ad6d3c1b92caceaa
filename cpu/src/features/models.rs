//! The models, as data.

use super::Model;

/// Vendor of the x86-64 models but one: whose silicon the emulation was compared with.
const AMD: &[u8; 12] = b"AuthenticAMD";
/// Vendor of the 486 and the Pentium, which are Intel's, and of [`X86_64_V3_INTEL`], of which guests ask more.
const INTEL: &[u8; 12] = b"GenuineIntel";

/// Family 15, model 107, stepping 1: an early Athlon 64 X2. All x86-64 models of AMD show it, because a kernel
/// that knows a newer family works around that family's defects, which are not emulated.
const K8: u32 = 0x0006_0fb1;

/// Family 15, model 6, stepping 1: a late Pentium 4, for the same reason. QEMU's `kvm64` shows it too.
const PENTIUM4: u32 = 0x0f61;

/// All models, the default first.
pub const MODELS: &[Model] = &[X86_64_V3, X86_64_V2, QEMU64, MAX, X86_64_V3_INTEL, PENTIUM, I486];

/// The features that every x86-64 processor has.
const BASELINE: &[&str] = &[
    "fpu", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "sep", "mtrr", "pge", "mca",
    "cmov", "pat", "pse36", "clflush", "mmx", "fxsr", "sse", "sse2", "syscall", "nx", "lm",
];

/// What QEMU's `qemu64` has, and SMEP and SMAP.
const QEMU64_ADDS: &[&str] = &["pni", "cx16", "hypervisor", "lahf-lm", "smep", "smap"];

/// x86-64 psABI, "Micro-Architecture Levels", level 2.
const LEVEL2_ADDS: &[&str] = &["ssse3", "sse4.1", "sse4.2", "popcnt"];

/// The same, level 3, and what systems with such processors have beside it.
const LEVEL3_ADDS: &[&str] = &[
    "xsave",
    "avx",
    "avx2",
    "bmi1",
    "bmi2",
    "f16c",
    "fma",
    "abm",
    "movbe", // level 3
    "xsaveopt",
    "xsavec",
    "xgetbv1",
    "aes",
    "pclmulqdq",
    "rdrand",
    "rdseed",
    "adx",
    "erms",
    "clflushopt",
    "fsgsbase",
    "pcid",
    "invpcid",
    "umip",
    "x2apic",
    "rdtscp",
    "pdpe1gb",
    "vme",
    "3dnowprefetch",
];

/// What AMD's processors with level 3 have besides.
const AMD_ADDS: &[&str] = &["mmxext"];

/// All that is emulated beyond level 3.
const MAX_ADDS: &[&str] = &[
    "monitor",
    "tsc-deadline",
    "tsc-adjust",
    "clwb",
    "sha-ni",
    "pku",
    "gfni",
    "vaes",
    "vpclmulqdq",
    "la57",
    "rdpid",
    "fsrm",
    "xsaves",
    "fxsr-opt",
    "cr8legacy",
    "sse4a",
];

/// 486 DX4 with CPUID.
const I486: Model = Model::new("486", INTEL, 0x0480, "", &[&["fpu", "vme", "pse"]]);

/// Pentium MMX.
const PENTIUM: Model = Model::new(
    "pentium",
    INTEL,
    0x0543,
    "",
    &[&["fpu", "vme", "de", "pse", "tsc", "msr", "mce", "cx8", "apic", "mmx"]],
);

/// The baseline: x86-64 with SSE3; no XSAVE.
pub const QEMU64: Model = Model::new(
    "qemu64",
    AMD,
    K8,
    "bootscope virtual CPU, x86-64 baseline",
    &[BASELINE, QEMU64_ADDS],
);

/// Level 2: Nehalem's and Jaguar's instructions.
const X86_64_V2: Model = Model::new(
    "x86-64-v2",
    AMD,
    K8,
    "bootscope virtual CPU, x86-64-v2",
    &[BASELINE, QEMU64_ADDS, LEVEL2_ADDS],
);

/// Level 3: Haswell's and Excavator's instructions.
pub const X86_64_V3: Model = Model::new(
    "x86-64-v3",
    AMD,
    K8,
    "bootscope virtual CPU, x86-64-v3",
    &[BASELINE, QEMU64_ADDS, LEVEL2_ADDS, LEVEL3_ADDS, AMD_ADDS],
);

/// Level 3 by Intel: Linux believes CPUID leaf 0x15, the TSC's frequency, of that vendor alone. By that leaf
/// it takes the crystal for the local APIC timer's clock, which it is, and prefers the TSC deadline.
pub const X86_64_V3_INTEL: Model = Model::new(
    "x86-64-v3-intel",
    INTEL,
    PENTIUM4,
    "bootscope virtual CPU, x86-64-v3, Intel",
    &[BASELINE, QEMU64_ADDS, LEVEL2_ADDS, LEVEL3_ADDS, &["tsc-deadline"]],
);

/// Everything.
pub const MAX: Model = Model::new(
    "max",
    AMD,
    K8,
    "bootscope virtual CPU, all features",
    &[BASELINE, QEMU64_ADDS, LEVEL2_ADDS, LEVEL3_ADDS, AMD_ADDS, MAX_ADDS],
);
