//! A domain as plain data.
//!
//! Follows libvirt's "Domain XML format"; the names are its elements'. Values are in their own units
//! (memory in bytes) and in one spelling: what the two forms say differently is the same here.

use crate::words::Word;
use core::fmt;
use core::ops::Deref;

/// A value and the byte of the document where it stands. Two are equal if their values are.
#[derive(Clone, Copy, Debug)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// The byte; 0 for what no document says.
    pub offset: usize,
}

impl<T> At<T> {
    /// A value that was read.
    pub fn new(value: T, offset: usize) -> Self {
        Self { value, offset }
    }

    /// A value that goes without saying.
    pub fn implied(value: T) -> Self {
        Self { value, offset: 0 }
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A virtual machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Domain {
    /// The hypervisor it was made for: `xen`, `kvm`, `qemu`. An S-expression is always Xen's.
    pub hypervisor: At<String>,
    /// The number a running domain had.
    pub id: Option<At<u32>>,
    /// Its name.
    pub name: At<String>,
    /// Its UUID.
    pub uuid: Option<At<Uuid>>,
    /// A line about it.
    pub title: Option<At<String>>,
    /// More about it.
    pub description: Option<At<String>>,
    /// What boots, and how.
    pub os: Os,
    /// Memory in bytes.
    pub memory: At<u64>,
    /// What a balloon leaves of it in bytes; not more than [`Self::memory`].
    pub current_memory: At<u64>,
    /// Processors, at least 1.
    pub vcpus: At<u32>,
    /// When the guest powers off.
    pub on_poweroff: At<Action>,
    /// When the guest resets.
    pub on_reboot: At<Action>,
    /// When the guest crashes.
    pub on_crash: At<Action>,
    /// Which of a PC's abilities it has. `None` only for a `linux` domain, which is no PC.
    pub features: Option<At<Features>>,
    /// What the clock shows.
    pub clock: At<Clock>,
    /// The program that is to emulate its devices.
    pub emulator: Option<At<String>>,
    /// Disks, in the order of their targets.
    pub disks: Vec<At<Disk>>,
    /// Network cards.
    pub interfaces: Vec<At<Interface>>,
    /// Keyboards and pointers. An `hvm` domain always has PS/2 keyboard and mouse.
    pub inputs: Vec<At<Input>>,
    /// Screens.
    pub graphics: Vec<At<Graphics>>,
    /// Serial ports; the console is the first.
    pub serials: Vec<At<Serial>>,
}

/// What boots.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Os {
    /// What kind of machine the guest sees.
    pub kind: At<OsKind>,
    /// Architecture of the processor.
    pub arch: Option<At<String>>,
    /// The hypervisor's name for the board.
    pub machine: Option<At<String>>,
    /// The firmware's file.
    pub loader: Option<At<String>>,
    /// The kernel's file.
    pub kernel: Option<At<String>>,
    /// The ramdisk's file.
    pub initrd: Option<At<String>>,
    /// The kernel's command line.
    pub cmdline: Option<At<String>>,
    /// The root file system, for `root=` of the command line.
    pub root: Option<At<String>>,
    /// What firmware boots from, first choice first; of an `hvm` domain never empty.
    pub boot: Vec<At<BootDevice>>,
}

/// What kind of machine the guest sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OsKind {
    /// A whole PC.
    Hvm,
    /// Xen's paravirtual machine, which starts a kernel.
    Linux,
}

impl Word for OsKind {
    const WORDS: &'static [(&'static str, Self)] = &[("hvm", Self::Hvm), ("linux", Self::Linux)];
}

/// What firmware boots from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootDevice {
    /// The first floppy disk.
    Floppy,
    /// The first hard disk.
    Disk,
    /// The first CD-ROM.
    Cdrom,
    /// The network.
    Network,
}

impl Word for BootDevice {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("fd", Self::Floppy),
        ("hd", Self::Disk),
        ("cdrom", Self::Cdrom),
        ("network", Self::Network),
    ];
}

impl BootDevice {
    /// The letter that DOS and xend have for each.
    pub const LETTERS: [(char, Self); 4] =
        [('a', Self::Floppy), ('c', Self::Disk), ('d', Self::Cdrom), ('n', Self::Network)];
}

/// What becomes of a domain whose guest has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// It ends.
    Destroy,
    /// It starts again.
    Restart,
    /// It stays for whoever wants to look.
    Preserve,
    /// It stays under another name, and one like it starts.
    RenameRestart,
    /// Its memory is written to a file, and it ends.
    CoredumpDestroy,
    /// Its memory is written to a file, and it starts again.
    CoredumpRestart,
}

impl Word for Action {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("destroy", Self::Destroy),
        ("restart", Self::Restart),
        ("preserve", Self::Preserve),
        ("rename-restart", Self::RenameRestart),
        ("coredump-destroy", Self::CoredumpDestroy),
        ("coredump-restart", Self::CoredumpRestart),
    ];
}

/// Abilities of a PC; what a document does not name is absent.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Features {
    /// ACPI tables and power management.
    pub acpi: bool,
    /// The local APIC.
    pub apic: bool,
    /// Page tables for physical addresses above 4 GiB.
    pub pae: bool,
}

/// What the clock chip shows at the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// Coordinated universal time.
    Utc,
    /// The host's local time.
    Localtime,
    /// Universal time and so many seconds.
    Variable(i32),
}

/// A UUID in the order its text has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// A disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disk {
    /// What kind of drive the guest sees.
    pub device: DiskDevice,
    /// Where its bytes are; `None` for a drive without a medium.
    pub source: Option<DiskSource>,
    /// How the bytes are stored: `raw`, `qcow2`.
    pub format: String,
    /// Which part of the host serves it.
    pub back_end: BackEnd,
    /// The guest's name for it, which says where it is plugged in: `hda`.
    pub target: String,
    /// The kind of bus: `ide`, `scsi`, `virtio`, `xen`, `fdc`.
    pub bus: String,
    /// The guest cannot write it.
    pub readonly: bool,
    /// Other domains use it at the same time.
    pub shareable: bool,
}

impl Disk {
    /// The bus that a target's name stands for.
    pub fn bus_of(target: &str) -> &'static str {
        const BUSES: &[(&str, &str)] =
            &[("xvd", "xen"), ("hd", "ide"), ("sd", "scsi"), ("vd", "virtio"), ("fd", "fdc")];
        BUSES.iter().find(|(prefix, _)| target.starts_with(prefix)).map_or("ide", |(_, bus)| bus)
    }
}

/// What kind of drive the guest sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskDevice {
    /// A hard disk.
    Disk,
    /// A CD-ROM drive.
    Cdrom,
    /// A floppy drive.
    Floppy,
}

impl Word for DiskDevice {
    const WORDS: &'static [(&'static str, Self)] =
        &[("disk", Self::Disk), ("cdrom", Self::Cdrom), ("floppy", Self::Floppy)];
}

/// Where a disk's bytes are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiskSource {
    /// In a file.
    File(String),
    /// On a device of the host.
    Block(String),
}

/// Which part of the host serves a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackEnd {
    /// Whatever serves such a source.
    Usual,
    /// Xen's blktap.
    Tap,
    /// Xen's blktap2.
    Tap2,
}

impl Word for BackEnd {
    const WORDS: &'static [(&'static str, Self)] = &[("tap", Self::Tap), ("tap2", Self::Tap2)];
}

/// A network card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// What it is plugged into.
    pub kind: InterfaceKind,
    /// The name of that.
    pub source: Option<String>,
    /// Its hardware address, in small letters.
    pub mac: Option<String>,
    /// The program that plugs it in.
    pub script: Option<String>,
    /// What card the guest sees.
    pub model: Option<String>,
    /// The host's name for its end.
    pub target: Option<String>,
    /// The guest's address.
    pub ip: Option<String>,
}

/// What a network card is plugged into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InterfaceKind {
    /// A bridge of the host.
    Bridge,
    /// A virtual network of libvirt's.
    Network,
    /// Whatever the script says.
    Ethernet,
    /// A user's own sockets.
    User,
}

impl Word for InterfaceKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("bridge", Self::Bridge),
        ("network", Self::Network),
        ("ethernet", Self::Ethernet),
        ("user", Self::User),
    ];
}

/// A keyboard or a pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Input {
    /// Which of them.
    pub kind: InputKind,
    /// What it is plugged into.
    pub bus: InputBus,
}

/// Keyboard or pointer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputKind {
    /// A mouse.
    Mouse,
    /// A pointer that says where it is, not how it moved.
    Tablet,
    /// A keyboard.
    Keyboard,
}

impl Word for InputKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("mouse", Self::Mouse), ("tablet", Self::Tablet), ("keyboard", Self::Keyboard)];
}

/// What a keyboard or pointer is plugged into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InputBus {
    /// The keyboard controller of a PC.
    Ps2,
    /// USB.
    Usb,
    /// Xen's virtual keyboard.
    Xen,
}

impl Word for InputBus {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ps2", Self::Ps2), ("usb", Self::Usb), ("xen", Self::Xen)];
}

/// Where a screen is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Graphics {
    /// By which means.
    pub kind: GraphicsKind,
    /// TCP port of VNC.
    pub port: GraphicsPort,
    /// The address VNC listens at.
    pub listen: Option<String>,
    /// VNC's password.
    pub passwd: Option<String>,
    /// Layout of the keyboard.
    pub keymap: Option<String>,
    /// SDL's X display.
    pub display: Option<String>,
    /// SDL's X authority file.
    pub xauth: Option<String>,
}

/// By which means a screen is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GraphicsKind {
    /// Over the network.
    Vnc,
    /// In a window.
    Sdl,
}

impl Word for GraphicsKind {
    const WORDS: &'static [(&'static str, Self)] = &[("vnc", Self::Vnc), ("sdl", Self::Sdl)];
}

/// TCP port of VNC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GraphicsPort {
    /// Nothing is said.
    Unsaid,
    /// Any that is free.
    Free,
    /// This one.
    Fixed(u16),
}

/// A serial port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serial {
    /// Its other end.
    pub to: SerialTo,
    /// Which of the guest's ports: 0 is COM1.
    pub port: u32,
}

/// The other end of a serial port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SerialTo {
    /// A terminal of the host that somebody can attach to.
    Pty,
    /// Standard input and output.
    Stdio,
    /// Nothing.
    Null,
    /// A file that is written.
    File(String),
}
