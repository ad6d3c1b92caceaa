//! What every domain has though no document says so, and what contradicts itself.
//!
//! The rules are libvirt's: disks stand in the order of their targets; firmware boots from the hard disk if nothing is said; a PC has a PS/2 mouse
//! and keyboard; the first console of a PC is its first serial port; a paravirtual guest has a console,
//! and with a screen Xen's virtual keyboard and mouse.

use crate::error::{Notes, Refusal, shown};
use crate::model::{
    Action, At, BootDevice, Clock, Disk, Domain, Features, Graphics, Input, InputBus, InputKind,
    Interface, Os, OsKind, Serial, SerialTo, Uuid,
};

/// What a reader has found, before the rules.
pub(crate) struct Found {
    pub(crate) hypervisor: At<String>,
    pub(crate) id: Option<At<u32>>,
    pub(crate) name: At<String>,
    pub(crate) uuid: Option<At<Uuid>>,
    pub(crate) title: Option<At<String>>,
    pub(crate) description: Option<At<String>>,
    pub(crate) os: Os,
    pub(crate) memory: At<u64>,
    pub(crate) current_memory: Option<At<u64>>,
    pub(crate) vcpus: Option<At<u32>>,
    pub(crate) on_poweroff: Option<At<Action>>,
    pub(crate) on_reboot: Option<At<Action>>,
    pub(crate) on_crash: Option<At<Action>>,
    pub(crate) features: Option<At<Features>>,
    pub(crate) clock: Option<At<Clock>>,
    pub(crate) devices: Devices,
}

/// Devices as a document lists them.
#[derive(Default)]
pub(crate) struct Devices {
    pub(crate) emulator: Option<At<String>>,
    pub(crate) disks: Vec<At<Disk>>,
    pub(crate) interfaces: Vec<At<Interface>>,
    pub(crate) inputs: Vec<At<Input>>,
    pub(crate) graphics: Vec<At<Graphics>>,
    pub(crate) serials: Vec<At<Serial>>,
    pub(crate) consoles: Vec<At<SerialTo>>,
}

/// The domain that was found, by the rules.
pub(crate) fn domain(found: Found, notes: &mut Notes) -> Result<Domain, Refusal> {
    let kind = found.os.kind.value;
    let Devices { emulator, disks, interfaces, inputs, graphics, serials, consoles } =
        found.devices;
    let current_memory = found.current_memory.unwrap_or(found.memory);
    if *current_memory > *found.memory {
        let what = format!(
            "the current memory of {} bytes is more than the memory, {} bytes",
            *current_memory, *found.memory
        );
        let hint = "the memory is the most there can be; give it at least as much";
        return Err(Refusal::new(current_memory.offset, what, hint));
    }
    if let Some(vcpus) = found.vcpus.filter(|vcpus| **vcpus == 0) {
        return Err(Refusal::new(vcpus.offset, "a machine without a processor", "give it one"));
    }
    let disks = in_order(disks)?;
    let inputs = inputs_of(kind, inputs, !graphics.is_empty());
    let serials = serials_of(kind, serials, consoles, notes)?;
    Ok(Domain {
        hypervisor: found.hypervisor,
        id: found.id,
        name: found.name,
        uuid: found.uuid,
        title: found.title,
        description: found.description,
        os: os(found.os)?,
        memory: found.memory,
        current_memory,
        vcpus: found.vcpus.unwrap_or(At::implied(1)),
        on_poweroff: found.on_poweroff.unwrap_or(At::implied(Action::Destroy)),
        on_reboot: found.on_reboot.unwrap_or(At::implied(Action::Restart)),
        on_crash: found.on_crash.unwrap_or(At::implied(Action::Destroy)),
        features: match kind {
            OsKind::Hvm => Some(found.features.unwrap_or(At::implied(Features::default()))),
            OsKind::Linux => found.features,
        },
        clock: found.clock.unwrap_or(At::implied(Clock::Utc)),
        emulator,
        disks,
        interfaces,
        inputs,
        graphics,
        serials,
    })
}

fn os(mut os: Os) -> Result<Os, Refusal> {
    for (index, device) in os.boot.iter().enumerate() {
        if os.boot[..index].contains(device) {
            let hint = "name each device once, the first choice first";
            return Err(Refusal::new(device.offset, "a boot device is named twice", hint));
        }
    }
    if os.boot.is_empty() && *os.kind == OsKind::Hvm {
        os.boot.push(At::implied(BootDevice::Disk));
    }
    Ok(os)
}

/// Disks in the order of their targets, hda before hdb, as libvirt keeps them.
fn in_order(mut disks: Vec<At<Disk>>) -> Result<Vec<At<Disk>>, Refusal> {
    disks.sort_by(|one, other| one.target.cmp(&other.target));
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    for disk in &disks {
        for (what, name) in [("target", &disk.target), ("format", &disk.format)] {
            if !word(name) {
                let error = format!("{} is no {what} of a disk", shown(name));
                return Err(Refusal::new(
                    disk.offset,
                    error,
                    "write letters and digits, as in hda",
                ));
            }
        }
    }
    match disks.windows(2).find(|pair| pair[0].target == pair[1].target) {
        Some(pair) => {
            let what = format!("two disks are {}", pair[1].target);
            Err(Refusal::new(pair[1].offset, what, "give each disk its own target"))
        }
        None => Ok(disks),
    }
}

fn inputs_of(kind: OsKind, inputs: Vec<At<Input>>, screen: bool) -> Vec<At<Input>> {
    let bus = match kind {
        OsKind::Hvm => InputBus::Ps2,
        OsKind::Linux if screen => InputBus::Xen,
        OsKind::Linux => return inputs,
    };
    let always = [InputKind::Mouse, InputKind::Keyboard].map(|kind| Input { kind, bus });
    let found = |input: Input| inputs.iter().find(|found| found.value == input).copied();
    let first = always.map(|input| found(input).unwrap_or(At::implied(input)));
    let rest = inputs.iter().filter(|input| !always.contains(input)).copied();
    first.into_iter().chain(rest).collect()
}

/// Serial ports with the console among them.
fn serials_of(
    kind: OsKind,
    mut serials: Vec<At<Serial>>,
    mut consoles: Vec<At<SerialTo>>,
    notes: &mut Notes,
) -> Result<Vec<At<Serial>>, Refusal> {
    serials.sort_by_key(|serial| serial.port);
    if let Some(pair) = serials.windows(2).find(|pair| pair[0].port == pair[1].port) {
        let what = format!("serial port {} is there twice", pair[1].port);
        return Err(Refusal::new(pair[1].offset, what, "give each its own port"));
    }
    if kind == OsKind::Linux && consoles.is_empty() && serials.is_empty() {
        consoles.push(At::implied(SerialTo::Pty));
    }
    for (index, console) in consoles.into_iter().enumerate() {
        let first = serials.first().filter(|serial| serial.port == 0);
        match first {
            _ if index > 0 => notes.gap(console.offset, "a second <console>"),
            Some(serial) if serial.to == console.value => {}
            Some(_) => notes.gap(console.offset, "a <console> that is not the first serial port"),
            None => {
                let serial = Serial { to: console.value, port: 0 };
                serials.insert(0, At::new(serial, console.offset));
            }
        }
    }
    Ok(serials)
}
