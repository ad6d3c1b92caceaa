//! The console, memory, parameters, the end.

use super::*;
use boot::e820;

#[test]
fn the_rings_carry_bytes_both_ways_around_their_ends() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let page = domain.get_param(17).unwrap() * 4096;
    assert_eq!((page, domain.get_param(18)), (RAM - 4096, Ok(1)));
    assert!(domain.xen.takes_input() && !domain.xen.listens(), "the guest has not used it");

    // Around the end of 2048 bytes, with indices that wrap at 2^32.
    domain.put(page + 0xc08, &(u32::MAX - 1).to_le_bytes());
    domain.put(page + 0xc0c, &2u32.to_le_bytes());
    domain.put(page + 1024 + 2046, b"ab");
    domain.put(page + 1024, b"cd");
    assert_eq!(domain.event_op(4, &[1]), 0);
    assert_eq!(domain.xen.take_effects().output, b"abcd");
    assert_eq!((domain.u32(page + 0xc08), domain.u32(SHARED + 2048)), (2, 1 << 1));

    domain.put(page + 0xc00, &1022u32.to_le_bytes());
    domain.put(page + 0xc04, &1022u32.to_le_bytes());
    assert!(domain.xen.listens());
    domain.xen.send(&[b'x'; 1500]);
    domain.attend(9_000);
    assert_eq!((domain.xen.backlog(), domain.u32(page + 0xc04)), (476, 1022 + 1024));
    assert_eq!(domain.get(page + 1022), *b"xxcd", "IN ends where OUT begins");
    domain.put(page + 0xc00, &(1022u32 + 1024).to_le_bytes());
    domain.event_op(4, &[1]);
    assert_eq!((domain.xen.backlog(), domain.u32(page + 0xc04)), (0, 1022 + 1500));
}

#[test]
fn indices_that_make_no_sense_move_nothing() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let page = RAM - 4096;
    domain.put(page + 0xc0c, &2049u32.to_le_bytes());
    domain.put(page + 0xc04, &1025u32.to_le_bytes());
    domain.xen.send(b"x");
    assert_eq!(domain.event_op(4, &[1]), 0);
    assert_eq!(domain.xen.take_effects(), Effects::default());
    assert_eq!((domain.u32(page + 0xc08), domain.xen.backlog()), (0, 1));
}

/// The ring has no room, and then it has no channel.
#[test]
fn input_that_waits_for_a_console_that_is_closed_goes_to_the_serial_port() {
    let mut domain = Domain::new(true);
    domain.set_up();
    domain.put(RAM - 4096 + 0xc04, &1024u32.to_le_bytes());
    domain.xen.send(b"typed");
    domain.attend(9_000);
    assert_eq!(domain.xen.backlog(), 5);

    assert_eq!(domain.event_op(3, &[1]), 0, "close");

    assert_eq!((domain.xen.backlog(), domain.xen.takes_input()), (0, false));
    assert_eq!(domain.xen.take_effects().input, b"typed");
    domain.attend(10_000);
    assert_eq!(domain.u32(SHARED + 2048) & 1 << 1, 0, "nothing is raised at a closed port");
}

#[test]
fn console_io_writes_and_reads_nothing() {
    let mut domain = Domain::new(true);
    domain.put(ARGS, b"hello");
    assert_eq!(domain.call(CONSOLE_IO, [0, 5, ARGS]), 0);
    assert_eq!(domain.xen.take_effects().output, b"hello");
    assert_eq!(domain.call(CONSOLE_IO, [1, 5, ARGS]), 0);
    assert_eq!(domain.call(CONSOLE_IO, [0, 0x1_0001, ARGS]), -7);
}

#[test]
fn the_memory_map_is_the_plans_as_far_as_there_is_room() {
    let mut domain = Domain::new(true);
    let map = e820::memory_map(RAM);
    domain.xen.set_map(&map);
    domain.put(ARGS, &[&2u64.to_le_bytes()[..], &0x3_0000u64.to_le_bytes()].concat());
    assert_eq!(domain.call(MEMORY_OP, [9, ARGS, 0]), 0);
    assert_eq!((domain.u32(ARGS), domain.u64(0x3_0008)), (2, 0x9_fc00));
    assert_eq!((domain.u64(0x3_0014), domain.u32(0x3_0024)), (0x9_fc00, 2));
    assert_eq!(domain.u32(0x3_0028), 0, "no third");
    assert_eq!(domain.op(MEMORY_OP, 3, &[&SELF]), (RAM / 4096) as i64);
    assert_eq!(domain.call(MEMORY_OP, [2, 0, 0]), (RAM / 4096) as i64 - 1);
}

#[test]
fn shared_info_goes_where_there_is_ram_and_other_pages_nowhere() {
    let mut domain = Domain::new(true);
    let place = |space: u32, index: u64, frame: u64| {
        [&SELF[..], &[0; 2], &space.to_le_bytes(), &index.to_le_bytes(), &frame.to_le_bytes()]
            .concat()
    };
    for (space, index, frame) in [
        (0, 0, RAM / 4096),
        (0, 0, 0xa0),
        (0, 0, u64::MAX),
        (0, 1, 0x20),
        (1, 0, 0x20),
        (2, 0, 0x20),
    ] {
        assert_eq!(domain.op(MEMORY_OP, 7, &[&place(space, index, frame)]), EINVAL, "{space}");
    }
    assert_eq!(domain.op(MEMORY_OP, 7, &[&place(9, 0, 0x20)]), ENOSYS);
    domain.set_up();
    domain.put(SHARED + 2560, &[7]);
    assert_eq!(domain.op(MEMORY_OP, 7, &[&place(0, 0, 0x40)]), 0);
    assert_eq!(domain.get::<1>(0x4_0000 + 2560), [7], "with what was in it");
}

#[test]
fn a_guest_reads_and_sets_its_own_parameters_only() {
    let mut domain = Domain::new(true);
    assert_eq!((domain.get_param(1), domain.get_param(2)), (Ok(0), Ok(0)), "no xenstore");
    assert_eq!((domain.get_param(5), domain.set_param(5, 1)), (Err(EPERM), EPERM));
    assert_eq!((domain.get_param(39), domain.set_param(39, 1)), (Err(EINVAL), EINVAL));
    assert_eq!(domain.set_param(18, 5), EEXIST);
    assert_eq!(domain.set_param(0, 1 << 56 | 3), EINVAL, "by PCI INTx");
    assert_eq!(domain.set_param(0, 2 << 56 | 0x31), 0);
    assert_eq!(domain.get_param(0), Ok(2 << 56 | 0x31));
    assert_eq!(domain.op(HVM_OP, 1, &[&[3, 0, 0, 0], &[0; 12]]), ESRCH);
}

#[test]
fn a_domain_ends_for_its_reason_and_waits_unless_something_is_pending() {
    let mut domain = Domain::new(true);
    domain.set_up();
    for (reason, shutdown) in
        [(0u32, Shutdown::PowerOff), (1, Shutdown::Reboot), (3, Shutdown::Crash)]
    {
        assert_eq!(domain.op(SCHED_OP, 2, &[&reason.to_le_bytes()]), 0);
        assert_eq!(domain.xen.take_effects().shutdown, Some(shutdown));
    }
    assert_eq!(domain.op(SCHED_OP, 2, &[&2u32.to_le_bytes()]), EINVAL, "suspend");
    domain.put(SHARED + 1, &[1]);
    domain.call(SCHED_OP, [1, 0, 0]);
    assert!(domain.xen.take_effects().wait);
    assert_eq!(domain.get::<2>(SHARED), [0, 0], "upcalls are unmasked");
    domain.put(SHARED, &[1]);
    domain.call(SCHED_OP, [1, 0, 0]);
    assert!(!domain.xen.take_effects().wait);
    assert_eq!((domain.call(VCPU_OP, [3, 0, 0]), domain.call(VCPU_OP, [3, 1, 0])), (1, ENOENT));
}
