//! Multiboot 1 and 2: what kernels of ours find, and how far Xen gets.
//!
//! Expected values: Multiboot Specification 0.6.96 and Multiboot2 Specification 2.0, "I386 machine
//! state", "Boot information format"; strings as QEMU gives them: the file's name, a space, the
//! arguments.

mod runs;

use runs::{Boot, Scratch, answers, boot, byte_sum, guest};

fn modules(boot: &Boot) -> Vec<&str> {
    answers(&boot.console, "module")
}

/// ELF32, ELF64 and no file format at all are the same kernel; it must find the same.
#[test]
fn each_file_format_is_entered_with_the_magic_the_memory_and_the_strings() {
    let scratch = Scratch::new("mb1-formats");
    for kernel in ["mb1_elf32", "mb1_elf64", "mb1_flat"] {
        let path = scratch.kernel(kernel);

        let boot = boot("mb1-formats-run", &[&path, "--append", "one  two=\"3\""]);

        assert_eq!(boot.status, Some(0), "{kernel}: {}", boot.said);
        assert_eq!((boot.text("protocol"), boot.text("stop")), ("multiboot1", "poweroff"));
        let expect = |name, value: &str| assert_eq!(answers(&boot.console, name), [value]);
        expect("magic", "2badb002");
        // KiB below 640 KiB (less the EBDA) and from 1 MiB to the first hole.
        expect("mem_lower", "0000027f");
        expect("mem_upper", "0007fc00");
        expect("cmdline", &format!("\"{path} one  two=\"3\"\""));
        expect("boot_loader_name", "\"bootscope\"");
        let flags = u32::from_str_radix(answers(&boot.console, "flags")[0], 16).unwrap();
        // Memory, command line, modules (even none), memory map, loader name; no a.out symbols.
        assert_eq!(flags & 0b10_0101_1101, 0b10_0100_1101, "{flags:#x}");
        assert!(modules(&boot).is_empty());
        let map = answers(&boot.console, "mmap");
        assert_eq!(map[0], "0000000000000000 000000000009fc00 00000001");
        assert_eq!(map[map.len() - 1], "0000000000100000 000000001ff00000 00000001");
    }
}

#[test]
fn modules_arrive_whole_on_pages_above_the_kernel_with_their_strings() {
    let scratch = Scratch::new("mb1-modules");
    let bytes: Vec<u8> = (0..12_345_u32).map(|i| (i * 31) as u8).collect();
    let (first, second) = (scratch.file("first", b"a module"), scratch.file("second", &bytes));
    let list = format!("{first} root=\"x y\" z,{second}");
    let (one, two) = (format!("{first} root=\"x y\" z"), second.clone());
    let ways: [&[&str]; 2] = [&["--initrd", &list], &["--module", &one, "--module", &two]];
    for kernel in ["mb1_elf32", "mb1_elf64", "mb1_flat"] {
        for way in ways {
            let path = scratch.kernel(kernel);

            let boot = boot("mb1-modules-run", &[&[&*path], way].concat());

            assert_eq!(boot.status, Some(0), "{}", boot.said);
            let found = modules(&boot);
            let expected =
                [(8, byte_sum(b"a module"), &*one), (bytes.len() as u32, byte_sum(&bytes), &*two)];
            assert_eq!(found.len(), 2, "{kernel} {way:?}");
            let mut free = 0x10_a000; // the kernel's end
            for (module, (len, sum, string)) in found.iter().zip(expected) {
                let (start, rest) = module.split_once(' ').unwrap();
                let start = u32::from_str_radix(start, 16).unwrap();
                assert_eq!(rest, format!("{:08x} {sum} \"{string}\"", start + len));
                assert!(start.is_multiple_of(4096) && start >= free, "{start:#x}");
                free = start + len;
            }
        }
    }
}

#[test]
fn ram_above_4_gib_is_in_the_map_and_not_in_mem_upper() {
    let scratch = Scratch::new("mb1-ram");

    let boot = boot("mb1-ram-run", &[&scratch.kernel("mb1_elf32"), "-m", "5G"]);

    assert_eq!(answers(&boot.console, "mem_upper"), ["002ffc00"]);
    let map = answers(&boot.console, "mmap");
    assert_eq!(map[map.len() - 1], "0000000100000000 0000000080000000 00000001");
}

/// The tags of the information structure in the order they come; 0xd, 0xe and 0xf are SMBIOS and RSDPs.
#[test]
fn a_multiboot_2_kernel_finds_every_tag_and_the_end_where_the_structure_ends() {
    let scratch = Scratch::new("mb2");
    let file = scratch.file("first", b"a module");
    for kernel in ["mb2_elf32", "mb2_elf64"] {
        let path = scratch.kernel(kernel);
        let module = format!("{file} x y");

        let boot = boot("mb2-run", &[&path, "--append", "one  two", "--module", &module]);

        assert_eq!(boot.status, Some(0), "{kernel}: {}", boot.said);
        assert_eq!((boot.text("protocol"), boot.text("stop")), ("multiboot2", "poweroff"));
        let expect = |name, value: &str| assert_eq!(answers(&boot.console, name), [value]);
        expect("magic", "36d76289");
        expect("mem_lower", "0000027f");
        expect("mem_upper", "0007fc00");
        expect("cmdline", &format!("\"{path} one  two\""));
        expect("boot_loader_name", "\"bootscope\"");
        expect("beyond", "00000000");
        let found = modules(&boot);
        let start = u32::from_str_radix(&found[0][..8], 16).unwrap();
        assert!(start.is_multiple_of(4096) && start >= 0x10_a000, "{start:#x}");
        let (end, sum) = (start + 8, byte_sum(b"a module"));
        assert_eq!(found, [format!("{start:08x} {end:08x} {sum} \"{module}\"")]);
        let map = answers(&boot.console, "mmap");
        assert_eq!(map[0], "0000000000000000 000000000009fc00 00000001");
        assert_eq!(map[map.len() - 1], "0000000000100000 000000001ff00000 00000001");
        let tags = answers(&boot.console, "tag");
        let kinds: Vec<&str> = tags.iter().map(|tag| &tag[..8]).collect();
        assert!(kinds.ends_with(&["0000000d", "0000000e", "0000000f"]), "{kinds:?}");
        assert_eq!(tags[tags.len() - 2..], ["0000000e 0000001c", "0000000f 0000002c"]);
    }
}

/// No dom0 is given, so Xen stops after it has told what it found.
#[test]
fn xen_prints_its_first_lines_on_com1() {
    for protocol in ["multiboot1", "multiboot2"] {
        let Some(xen) = guest(protocol, "xen/xen.elf") else { return };
        let args = ["--protocol", protocol, "--until=serial~Reboot in five seconds"];
        let append = ["--append", "com1=115200,8n1 console=com1 loglvl=all"];

        let boot = boot(&format!("{protocol}-xen"), &[&[&*xen], &args[..], &append[..]].concat());

        assert_eq!((boot.status, boot.text("stop")), (Some(0), "until"), "{}", boot.console);
        for line in [
            "(XEN) Xen version 4.",
            "(XEN) Bootloader: bootscope",
            "(XEN) Command line: com1=115200,8n1 console=com1 loglvl=all",
            "(XEN) dom0 kernel not specified",
        ] {
            assert!(boot.console.contains(line), "{line}: {}", boot.console);
        }
    }
}

/// Debian's own kernel as dom0, by both protocols.
#[test]
fn xen_boots_a_dom0_kernel_to_its_init() {
    for protocol in ["multiboot1", "multiboot2"] {
        let name = format!("{protocol}-dom0");
        let Some(xen) = guest(&name, "xen/xen.elf") else { return };
        let Some(kernel) = guest(&name, "cloud/vmlinuz") else { return };
        let Some(initrd) = guest(&name, "initrd-test.cpio") else { return };
        let dom0 = format!("{kernel} console=hvc0 earlyprintk=xen");
        let args = ["--protocol", protocol, "-m", "1G", "--module", &dom0, "--module", &initrd];
        let append = ["--append", "com1=115200,8n1 console=com1 dom0_mem=512M"];

        let boot =
            boot(&name, &[&[&*xen, "--until=serial~Run /init"], &args[..], &append[..]].concat());

        assert_eq!((boot.status, boot.text("stop")), (Some(0), "until"), "{}", boot.console);
    }
}
