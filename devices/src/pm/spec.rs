//! The fixed ACPI registers in the specification's words: ACPI 6.4, "ACPI Hardware Specification",
//! "Fixed Hardware Features"; offsets of the PIIX4 (Intel 82371AB, "Power Management I/O Space").

use arch::time::Ratio;

/// The PM timer's clock: a quarter of the PC's 14.31818 MHz crystal, as ACPI rounds it.
pub const TIMER_CLOCK: Ratio = Ratio::hz(3_579_545);
/// Width of the PM timer in bits (FADT flag TMR_VAL_EXT clear).
pub const TIMER_BITS: u32 = 24;

/// Offset of the PM1a event block: status, then enable, two bytes each.
pub const PM1_STS: u16 = 0;
/// Offset of the PM1 enable register.
pub const PM1_EN: u16 = 2;
/// Offset of the PM1a control register.
pub const PM1_CNT: u16 = 4;
/// Offset of the PM timer, four bytes, read-only.
pub const PM_TMR: u16 = 8;
/// Length of the block in bytes.
pub const BLOCK_LEN: u16 = 12;
/// Length of the GPE0 block: two bytes of status, two of enable.
pub const GPE0_LEN: u16 = 4;

/// Timer carry: bit 23 of the timer changed (status and enable).
pub const TMR: u16 = 1 << 0;
/// Bus master status; nobody sets it.
pub const BM: u16 = 1 << 4;
/// Global lock released (status and enable).
pub const GBL: u16 = 1 << 5;
/// Power button (status and enable).
pub const PWRBTN: u16 = 1 << 8;
/// Sleep button (status and enable).
pub const SLPBTN: u16 = 1 << 9;
/// RTC alarm (status and enable).
pub const RTC: u16 = 1 << 10;
/// Wake status.
pub const WAK: u16 = 1 << 15;
/// Enable bits that exist.
pub const PM1_EN_MASK: u16 = TMR | GBL | PWRBTN | SLPBTN | RTC;
/// Status bits that exist.
pub const PM1_STS_MASK: u16 = PM1_EN_MASK | BM | WAK;

/// Power events are SCI, not SMI.
pub const SCI_EN: u16 = 1 << 0;
/// Bus master requests wake from C3.
pub const BM_RLD: u16 = 1 << 1;
/// Sleep type, three bits from here.
pub const SLP_TYP_SHIFT: u32 = 10;
/// Sleep type, three bits.
pub const SLP_TYP: u16 = 7 << SLP_TYP_SHIFT;
/// Enter the sleep type, write-only.
pub const SLP_EN: u16 = 1 << 13;
/// Sleep type of soft off (PIIX4; our DSDT's \_S5 says the same).
pub const S5: u8 = 0;
