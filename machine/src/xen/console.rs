//! The console of a domain: a page with two rings (`public/io/console.h`) and an event channel, and console_io,
//! the hypervisor's own console, which leads to the same place.
//!
//! The far end is the machine's serial console: under Xen its input goes to the ring and COM1 gets none, however
//! early it comes, unless the guest closes the channel.

use super::Xen;
use super::caller::{Answer, Caller, Errno};
use super::events::Channel;
use super::table::int;
use core::ops::Range;
use memory::{Memory, PAGE_SIZE, PhysAddr};
use serde::Serialize;
use std::collections::VecDeque;

/// The port of the console's channel.
pub(super) const PORT: u32 = 1;
/// `xencons_interface`: in[1024], out[2048], in_cons, in_prod, out_cons, out_prod.
const IN: Ring = Ring { bytes: 0, len: 1024, consumer: 0xc00, producer: 0xc04 };
const OUT: Ring = Ring { bytes: 1024, len: 2048, consumer: 0xc08, producer: 0xc0c };
/// Most bytes of one console_io.
const WRITE_MAX: u64 = 1 << 16;

/// The page that the console has in the guest's memory: the last below 3 GiB, which the guest's map calls
/// reserved.
pub(crate) fn console_page(ram_bytes: u64) -> Range<u64> {
    let end = ram_bytes.min(boot::layout::LOW_RAM_END) & !(PAGE_SIZE - 1);
    end.saturating_sub(PAGE_SIZE)..end
}

/// Offsets of a ring in the page.
#[derive(Clone, Copy)]
struct Ring {
    bytes: u64,
    len: u32,
    consumer: u64,
    producer: u64,
}

/// The far end of the console.
#[derive(Clone, PartialEq, Serialize)]
pub(super) struct Console {
    /// Physical address of the page.
    page: u64,
    /// The guest has signalled.
    used: bool,
    /// What was typed and is not in the ring yet.
    input: VecDeque<u8>,
    /// Some of it came since the ring was last looked at.
    news: bool,
}

impl Console {
    pub(super) fn new(page: u64) -> Self {
        Self { page, used: false, input: VecDeque::new(), news: false }
    }

    /// Physical address of the page.
    pub(super) fn page(&self) -> u64 {
        self.page
    }

    /// True if there is input that the ring may have room for.
    pub(super) fn has_news(&self) -> bool {
        self.news
    }

    fn index(&self, memory: &Memory, at: u64) -> u32 {
        memory.read_u32(PhysAddr(self.page + at)).unwrap_or(0)
    }

    fn set_index(&self, memory: &Memory, at: u64, value: u32) {
        let _ = memory.write(PhysAddr(self.page + at), &value.to_le_bytes());
    }

    /// Indices of a ring: the consumer's, and how much there is for it; `None` if they make no sense.
    fn state(&self, memory: &Memory, ring: Ring) -> Option<(u32, u32)> {
        let consumer = self.index(memory, ring.consumer);
        let filled = self.index(memory, ring.producer).wrapping_sub(consumer);
        (filled <= ring.len).then_some((consumer, filled))
    }

    /// Takes what the guest has written.
    fn take_output(&self, memory: &Memory) -> Vec<u8> {
        let Some((consumer, filled)) = self.state(memory, OUT) else { return Vec::new() };
        let mut ring = [0; OUT.len as usize];
        let _ = memory.read(PhysAddr(self.page + OUT.bytes), &mut ring);
        let byte = |n: u32| ring[(consumer.wrapping_add(n) % OUT.len) as usize];
        self.set_index(memory, OUT.consumer, consumer.wrapping_add(filled));
        (0..filled).map(byte).collect()
    }

    /// Puts as much of the input into the ring as it takes; true if that is anything.
    fn put_input(&mut self, memory: &Memory) -> bool {
        self.news = false;
        let Some((consumer, filled)) = self.state(memory, IN) else { return false };
        let producer = consumer.wrapping_add(filled);
        let count = (IN.len - filled).min(u32::try_from(self.input.len()).unwrap_or(u32::MAX));
        for (n, byte) in (0..count).zip(self.input.drain(..count as usize)) {
            let at = u64::from(producer.wrapping_add(n) % IN.len);
            let _ = memory.write(PhysAddr(self.page + IN.bytes + at), &[byte]);
        }
        self.set_index(memory, IN.producer, producer.wrapping_add(count));
        count > 0
    }
}

impl Xen {
    /// The guest signals: there is output, or room for input.
    pub(super) fn console_notified(&mut self, memory: &Memory) {
        self.console.used = true;
        let output = self.console.take_output(memory);
        let moved = !output.is_empty() | self.console.put_input(memory);
        self.effects.output.extend(output);
        if moved {
            self.raise(memory, PORT);
        }
    }

    /// Puts input that has come into the ring.
    pub(super) fn pass_input(&mut self, memory: &Memory) {
        if self.console.news && self.console.put_input(memory) {
            self.raise(memory, PORT);
        }
    }

    /// The guest has closed the channel: what is not in the ring goes where input goes from now on.
    pub(super) fn return_input(&mut self) {
        self.effects.input.extend(self.console.input.drain(..));
        self.console.news = false;
    }

    /// True if input is for this console: unless the guest has closed its channel.
    pub(crate) fn takes_input(&self) -> bool {
        self.channels[PORT as usize] == Channel::Console
    }

    /// True if the guest uses the console and would learn of input.
    pub(crate) fn listens(&self) -> bool {
        self.console.used && self.console.input.is_empty()
    }

    /// Bytes are typed.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.console.input.extend(bytes);
        self.console.news = true;
    }

    /// Bytes that are not in the ring yet.
    pub(crate) fn backlog(&self) -> usize {
        self.console.input.len()
    }
}

/// console_io(command, count, buffer). There is nothing to read.
pub(super) fn console_io(xen: &mut Xen, caller: &Caller<'_>, args: &[u64; 6]) -> Answer {
    const WRITE: u64 = 0;
    const READ: u64 = 1;
    let [command, count, at, ..] = *args;
    let count = int(count);
    match int(command) {
        WRITE if count > WRITE_MAX => Err(Errno::TooBig),
        WRITE => {
            let mut bytes = vec![0; count as usize];
            caller.read_bytes(at, &mut bytes)?;
            xen.effects.output.extend(bytes);
            Ok(0)
        }
        READ => Ok(0),
        _ => Err(Errno::NoSys),
    }
}
