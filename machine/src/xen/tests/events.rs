//! Event channels and upcalls.

use super::*;

#[test]
fn an_event_sets_pending_selector_and_upcall_once_unless_it_is_masked() {
    for wide in [true, false] {
        let mut domain = Domain::new(wide);
        domain.set_up();
        let (mask, selector) = if wide { (2560, 8) } else { (2176, 4) };
        assert_eq!(domain.event_op(7, &[0, 0]), 0, "bind_ipi");
        let port = domain.u32(ARGS + 4);
        assert_eq!(port, 2);

        domain.put(SHARED + mask, &[1 << port]);
        assert_eq!(domain.event_op(4, &[port]), 0, "send");
        assert_eq!((domain.u32(SHARED + 2048), domain.get::<1>(SHARED)), (1 << port, [0]));
        assert_eq!(domain.xen.callback(), None, "masked");

        assert_eq!(domain.event_op(9, &[port]), 0, "unmask");
        assert_eq!((domain.u32(SHARED + mask), domain.u32(SHARED + selector)), (0, 1));
        assert_eq!(domain.get::<1>(SHARED), [1]);
        assert_eq!(domain.xen.take_callback(), Some(0xf3));
        domain.event_op(4, &[port]);
        assert_eq!(domain.xen.callback(), None, "the guest has not looked yet");

        // The guest takes it.
        domain.put(SHARED, &[0]);
        domain.put(SHARED + selector, &[0]);
        domain.put(SHARED + 2048, &[0]);
        domain.event_op(4, &[port]);
        assert_eq!(domain.xen.take_callback(), Some(0xf3));
    }
}

#[test]
fn an_upcall_vector_goes_to_the_local_apic() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let vector = |vector: u8| [0, 0, 0, 0, vector, 0, 0, 0];
    assert_eq!(domain.op(HVM_OP, 23, &[&vector(15)]), EINVAL);
    assert_eq!(domain.op(HVM_OP, 23, &[&[1, 0, 0, 0, 0x40, 0, 0, 0]]), ENOENT);
    assert_eq!(domain.op(HVM_OP, 23, &[&vector(0x40)]), 0);
    assert_eq!(domain.xen.take_effects().lapic_vector, Some(0x40));
    // As Linux does, to look enlightened to tools.
    assert_eq!((domain.set_param(0, 1), domain.get_param(0)), (0, Ok(1)));

    domain.event_op(7, &[0, 0]);
    domain.event_op(4, &[2]);

    assert_eq!(domain.xen.take_effects().lapic_vector, Some(0x40));
    assert_eq!(domain.xen.callback(), None);
}

/// Xen keeps no upcall: whenever it enters the guest, it looks at `evtchn_upcall_pending` and at the route of then.
#[test]
fn an_upcall_that_waits_is_forgotten_when_its_route_changes() {
    let waiting = || {
        let mut domain = Domain::new(true);
        domain.set_up();
        domain.event_op(7, &[0, 0]);
        domain.event_op(4, &[2]);
        assert_eq!(domain.xen.callback(), Some(0xf3));
        domain.put(SHARED, &[0]); // the guest has looked meanwhile
        domain
    };

    let mut domain = waiting();
    assert_eq!((domain.set_param(0, 0), domain.set_param(0, 2 << 56 | 0xf4)), (0, 0));
    assert_eq!(domain.xen.callback(), None, "nothing is pending");
    domain.put(SHARED, &[1]);
    assert_eq!(domain.set_param(0, 2 << 56 | 0xf5), 0);
    assert_eq!(domain.xen.take_callback(), Some(0xf5), "something is");

    let mut domain = waiting();
    assert_eq!(domain.op(HVM_OP, 23, &[&[0, 0, 0, 0, 0x40, 0, 0, 0]]), 0);
    assert_eq!(domain.xen.take_effects().lapic_vector, Some(0x40));
    assert_eq!(domain.xen.callback(), None, "told by the local APIC alone");
}

#[test]
fn a_loop_has_two_ends_and_falls_back_to_unbound_when_one_closes() {
    let mut domain = Domain::new(true);
    domain.set_up();
    let own = 0x7ff0;
    assert_eq!(domain.event_op(6, &[own << 16 | own, 0]), 0, "alloc_unbound");
    assert_eq!(domain.u32(ARGS + 4), 2);
    assert_eq!(domain.event_op(4, &[2]), 0, "to nobody");
    assert_eq!(domain.event_op(0, &[own, 2, 0]), 0, "bind_interdomain");
    assert_eq!(domain.u32(ARGS + 8), 3);
    assert_eq!(domain.u32(SHARED + 2048), 1 << 3, "nothing may have got lost");
    assert_eq!(domain.event_op(0, &[own, 2, 0]), EINVAL, "bound already");
    assert_eq!(domain.event_op(0, &[0, 2, 0]), ESRCH);

    domain.event_op(4, &[3]);
    assert_eq!(domain.u32(SHARED + 2048), 1 << 2 | 1 << 3);
    assert_eq!(domain.event_op(5, &[own, 3, 9, 9, 9, 9]), 0, "status");
    assert_eq!(domain.get::<16>(ARGS + 8), [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);

    assert_eq!(domain.event_op(3, &[3]), 0, "close");
    assert_eq!(domain.event_op(3, &[3]), EINVAL);
    assert_eq!(domain.u32(SHARED + 2048), 1 << 2);
    assert_eq!(domain.event_op(5, &[own, 2, 9, 9, 9, 9]), 0);
    assert_eq!(domain.u32(ARGS + 8), 1, "unbound");
}

#[test]
fn ports_end_at_1024_and_a_virq_is_bound_once() {
    let mut domain = Domain::new(true);
    assert_eq!(domain.event_op(1, &[0, 0, 0]), 0, "bind_virq");
    assert_eq!(domain.event_op(1, &[0, 0, 0]), EEXIST);
    assert_eq!(domain.event_op(1, &[0, 1, 0]), ENOENT);
    assert_eq!(domain.event_op(1, &[3, 1, 0]), EINVAL, "global");
    assert_eq!(domain.event_op(1, &[24, 0, 0]), EINVAL);
    assert_eq!(domain.event_op(8, &[2, 0]), EINVAL, "bind_vcpu: it stays");
    assert_eq!(domain.event_op(4, &[2]), EINVAL, "nobody sends a virq");
    for port in 3..1024 {
        assert_eq!((domain.event_op(7, &[0, 0]), domain.u32(ARGS + 4)), (0, port));
    }
    assert_eq!(domain.event_op(7, &[0, 0]), ENOSPC);
    assert_eq!(domain.event_op(9, &[1024]), EINVAL);
    assert_eq!(domain.event_op(10, &[0x7ff0]), 0, "reset");
    assert_eq!((domain.event_op(7, &[0, 0]), domain.u32(ARGS + 4)), (0, 2));
    assert_eq!(domain.event_op(8, &[1, 0]), 0, "the console's is still there");
}

#[test]
fn a_moved_vcpu_info_keeps_its_bytes_and_has_everything_pending() {
    let mut domain = Domain::new(true);
    domain.set_up();
    domain.put(SHARED + 1, &[1]);
    let structure = |frame: u64, offset: u32| {
        [&frame.to_le_bytes()[..], &offset.to_le_bytes(), &[0; 4]].concat()
    };
    for (frame, offset) in [(0x30, 4096 - 63), (RAM / 4096, 0), (u64::MAX, 0), (0xa0, 0)] {
        assert_eq!(domain.vcpu_op(10, &[&structure(frame, offset)]), EINVAL, "{frame:#x}");
    }
    assert_eq!(domain.vcpu_op(10, &[&structure(0x30, 0x40)]), 0);
    assert_eq!(domain.get::<2>(0x3_0040), [1, 1]);
    assert_eq!(domain.u64(0x3_0048), u64::MAX);
    assert_eq!(domain.u32(0x3_0040 + 32), domain.u32(SHARED + 32), "the time's version");
    assert_eq!(domain.xen.callback(), Some(0xf3));
    assert_eq!(domain.vcpu_op(10, &[&structure(0x30, 0x40)]), EINVAL, "once");
}
