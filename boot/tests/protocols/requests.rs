//! Requests around made images.

pub(crate) use seeds::images::*;

use boot::{BootError, BootPlan, Platform, Protocol, Request};
use std::sync::LazyLock;

pub(crate) static PLATFORM: LazyLock<Platform> = LazyLock::new(Platform::default);

/// Plans an image alone on a machine with `mib` MiB.
pub(crate) fn plan_alone(image: &Vec<u8>, mib: u64) -> Result<BootPlan<'_>, BootError> {
    boot::plan(&Request::new(image, mib * MIB, &PLATFORM))
}

/// Plans an image on a machine of 64 MiB that serves no BIOS calls.
pub(crate) fn plan_without_bios(image: &Vec<u8>) -> Result<BootPlan<'_>, BootError> {
    let request = Request::new(image, 64 * MIB, &PLATFORM);
    boot::plan(&Request { bios_services: false, ..request })
}

/// Plans an image by a given protocol on a machine of 64 MiB that serves BIOS calls.
pub(crate) fn plan_with_bios(
    image: &Vec<u8>,
    protocol: Option<Protocol>,
) -> Result<BootPlan<'_>, BootError> {
    let request = Request::new(image, 64 * MIB, &PLATFORM);
    boot::plan(&Request { protocol, bios_services: true, ..request })
}

/// Plans an image by a given protocol with 64 MiB.
pub(crate) fn plan_as(image: &Vec<u8>, protocol: Protocol) -> Result<BootPlan<'_>, BootError> {
    let request = Request::new(image, 64 * MIB, &PLATFORM);
    boot::plan(&Request { protocol: Some(protocol), ..request })
}

/// The bytes of a plan's placement.
pub(crate) fn placed<'a>(plan: &'a BootPlan<'_>, name: &str) -> &'a [u8] {
    match &plan.placement(name).unwrap_or_else(|| panic!("no placement {name}")).content {
        boot::Content::Bytes(bytes) => bytes,
        other => panic!("{name} is {other:?}"),
    }
}
