//! Machine check banks as state: SDM Vol. 3B, "Machine-Check Architecture"; AMD APM Vol. 2. Nothing ever fails.

use super::{inert_read, inert_write};
use crate::cpu::{Cpu, Done, Fault, gp};
use arch::msr::*;

/// Ten banks of four registers, as a K8 has six and newer parts more.
pub(super) const BANKS: u32 = 10;
/// The last bank's last register.
pub(super) const MC_LAST: u32 = IA32_MC0_CTL + 4 * BANKS - 1;
/// HWCR.McStatusWrEn: status registers can be written.
const STATUS_WRITABLE: u64 = 1 << 18;

/// IA32_MCG_CAP: the banks, and that IA32_MCG_CTL is there.
pub(super) fn capabilities(_cpu: &mut Cpu, _number: u32) -> Result<u64, Fault> {
    Ok(1 << 8 | u64::from(BANKS))
}

/// IA32_MCG_STATUS: RIPV, EIPV, MCIP.
pub(super) fn write_status(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    if value & !7 != 0 {
        return Err(gp(0));
    }
    inert_write(cpu, number, value)
}

/// A bank's control takes anything; status, address and miscellaneous only zeros, unless AMD's HWCR allows
/// more for tests of error handlers.
pub(super) fn write_bank(cpu: &mut Cpu, number: u32, value: u64) -> Done {
    let control = (number - IA32_MC0_CTL).is_multiple_of(4);
    if !control && value != 0 && inert_read(cpu, K7_HWCR)? & STATUS_WRITABLE == 0 {
        return Err(gp(0));
    }
    inert_write(cpu, number, value)
}
