//! What is read, what is reported, what is refused with line and column.

use domain::{
    Action, Clock, DiskSource, Document, Features, Form, GraphicsPort, InputBus, InputKind, OsKind,
    SerialTo,
};

fn read(text: &str) -> Document {
    Document::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}, {}", error.place()))
}

/// What is wrong, line, column; advice is always there.
fn refusal(bytes: &[u8]) -> (String, usize, usize) {
    let shown = String::from_utf8_lossy(bytes);
    let error = Document::read(bytes).expect_err(&shown);
    assert!(!error.hint().is_empty() && !error.to_string().contains('\n'), "{shown}");
    (error.to_string(), error.place().line, error.place().column)
}

fn gaps(document: &Document) -> Vec<(&str, usize, usize)> {
    let place = |gap: &domain::Gap| {
        let place = document.place(gap.offset);
        (place.line, place.column)
    };
    document.gaps.iter().map(|gap| (&*gap.what, place(gap).0, place(gap).1)).collect()
}

/// A PC with more words in `<domain>`.
fn pc(more: &str) -> String {
    format!(
        "<domain type='xen'><name>a</name><memory>4</memory>\n<os><type>hvm</type></os>\n{more}</domain>"
    )
}

#[test]
fn the_example_of_2008_is_read_whole() {
    let text = include_str!("../../tests/domain/founding.xml");

    let Document { domain, form, gaps, remarks, .. } = read(text);

    assert_eq!((form, gaps, remarks), (Form::Xml, vec![], vec![]));
    assert_eq!((&*domain.name.value, *domain.os.kind, *domain.vcpus), ("kernel", OsKind::Hvm, 1));
    assert_eq!(domain.uuid.unwrap().to_string(), "06ed00fe-1162-4fc4-b5d8-11993ee4a8b9");
    assert_eq!((*domain.memory, *domain.current_memory), (528 << 20, 519 << 20));
    assert_eq!(domain.os.loader.unwrap().value, "/usr/lib/xen/boot/hvmloader");
    assert_eq!(domain.os.kernel.unwrap().value, "/root/vmlinuz.f864");
    assert_eq!(domain.os.initrd.unwrap().value, "/root/initrd.img.f864");
    assert_eq!(domain.os.cmdline.unwrap().value, "console=ttyS0 console=tty0");
    let actions = [*domain.on_poweroff, *domain.on_reboot, *domain.on_crash];
    assert_eq!(actions, [Action::Preserve; 3]);
    assert_eq!(*domain.features.unwrap(), Features { acpi: true, apic: true, pae: true });
    assert_eq!(domain.disks[0].source, Some(DiskSource::File("/root/kernel.img".into())));
    assert_eq!((&*domain.disks[0].target, &*domain.disks[0].bus), ("hda", "ide"));
    assert_eq!(domain.interfaces[0].mac.as_deref(), Some("00:16:3e:0e:e8:b7"));
    let inputs: Vec<_> = domain.inputs.iter().map(|input| (input.kind, input.bus)).collect();
    let both = [(InputKind::Mouse, InputBus::Ps2), (InputKind::Keyboard, InputBus::Ps2)];
    assert_eq!(inputs, both);
    assert_eq!(domain.graphics[0].port, GraphicsPort::Free);
    assert_eq!((&domain.serials[0].to, domain.serials[0].port), (&SerialTo::Pty, 0));
}

#[test]
fn the_old_spelling_gives_the_firmware_as_the_kernel() {
    let old = read("(vm (name a)(memory 4)(image (hvm (kernel /boot/hvmloader))))").domain;
    let new =
        read("(vm (name a)(memory 4)(image (hvm (kernel k)(loader /boot/hvmloader))))").domain;
    let both = read("(vm (name a)(memory 4)(image (hvm (kernel l)(loader l))))").domain;

    assert_eq!((old.os.kernel, old.os.loader.unwrap().value), (None, "/boot/hvmloader".into()));
    assert_eq!(new.os.kernel.unwrap().value, "k");
    assert_eq!((both.os.kernel, both.os.loader.unwrap().value), (None, "l".into()));
}

#[test]
fn what_no_document_says_is_libvirts_default() {
    let domain = read(&pc("")).domain;

    let actions = [*domain.on_poweroff, *domain.on_reboot, *domain.on_crash];
    assert_eq!(actions, [Action::Destroy, Action::Restart, Action::Destroy]);
    assert_eq!(*domain.features.unwrap(), Features::default(), "a PC has what is named");
    assert_eq!((*domain.clock, *domain.vcpus, domain.serials.len()), (Clock::Utc, 1, 0));
    let linux = "(vm (name a)(memory 4)(image (linux (kernel k))))";
    assert_eq!(read(linux).domain.features, None);
    assert_eq!(read(linux).domain.serials[0].to, SerialTo::Pty, "Xen's console");
}

/// The document has one of nearly everything that newer versions of libvirt write.
#[test]
fn what_the_model_has_no_place_for_is_reported_with_its_place() {
    let document = read(include_str!("../../tests/domain/modern.xml"));

    let expected = [
        ("element <metadata> in <domain>", 4, 3),
        ("attribute cpuset=\"0-3\" of <vcpu>", 9, 28),
        ("element <bootmenu> in <os>", 13, 5),
        ("element <vmport> in <features>", 15, 33),
        ("element <cpu> in <domain>", 16, 3),
        ("element <timer> in <clock>", 17, 23),
        ("<disk type=\"network\">", 20, 5),
        ("element <controller> in <devices>", 21, 5),
        ("<input type=\"evdev\">", 22, 5),
        ("<graphics type=\"spice\">", 23, 5),
        ("element <video> in <devices>", 24, 5),
        ("element <memballoon> in <devices>", 25, 5),
        ("element <commandline> in <domain>", 27, 3),
    ];
    assert_eq!(gaps(&document), expected);
}

#[test]
fn words_and_values_out_of_place_are_reported() {
    for (more, gap) in [
        ("<features>acpi</features>", "the words \"acpi\" in <features>"),
        ("<features><acpi on='1'/></features>", "attribute on=\"1\" of <acpi>"),
        ("<clock offset='timezone'/>", "offset=\"timezone\" of <clock>"),
        ("<clock offset='variable' basis='localtime'/>", "basis=\"localtime\" of <clock>"),
        ("<vcpu current='1'>2</vcpu>", "current=\"1\" of <vcpu>"),
        ("<vcpu placement='auto'>1</vcpu>", "placement=\"auto\" of <vcpu>"),
        ("<x:uuid xmlns:x='y'/>", "element <uuid> in <domain>"),
        ("<devices><console type='pty'/><console type='null'/></devices>", "a second <console>"),
        (
            "<devices><serial type='null'/><console type='pty'/></devices>",
            "a <console> that is not the first serial port",
        ),
        ("<devices><serial type='tcp'/></devices>", "<serial type=\"tcp\">"),
        (
            "<devices><console type='pty'><target type='virtio'/></console></devices>",
            "<console> with target type=\"virtio\"",
        ),
        (
            "<devices><disk type='file'><driver name='qemu' cache='none'/><source file='f'/>\
             <target dev='hda'/></disk></devices>",
            "attribute cache=\"none\" of <driver>",
        ),
    ] {
        let document = read(&pc(more));
        let found: Vec<&str> = document.gaps.iter().map(|gap| &*gap.what).collect();
        assert_eq!(found, [gap], "{more}");
    }
    for (more, gap) in [
        ("(cpus 0-3)", "(cpus ...) in (vm ...)"),
        ("word", "the word \"word\" in (vm ...)"),
        ("(device (pci (dev 1)))", "(device (pci ...))"),
        ("(on_crash (a) destroy)", "a list in (on_crash ...)"),
        ("(())", "a list without a name in (vm ...)"),
    ] {
        let document = read(&format!("(vm (name a)(memory 4){more}(image (hvm (kernel l))))"));
        let found: Vec<&str> = document.gaps.iter().map(|gap| &*gap.what).collect();
        assert_eq!(found, [gap], "{more}");
    }
}

#[test]
fn what_is_no_xml_is_refused_where_it_breaks() {
    let deep = "<a>".repeat(40) + &"</a>".repeat(40);
    let many = format!("<domain {}/>", "a=''".repeat(2049));
    let spaces = format!("<domain {}/>", "xmlns:a=''".repeat(65));
    let cases: &[(&[u8], &str, usize, usize)] = &[
        (b"", "an empty file", 1, 1),
        (b" \n ", "an empty file", 2, 2),
        (b"\n kernel", "neither XML", 2, 2),
        (b"<", "not well-formed XML", 1, 2),
        (b"<domain", "not well-formed XML", 1, 8),
        (b"<domain>\n<name>a", "not well-formed XML", 2, 8),
        (b"<domain>\n</name>", "expected 'domain' tag, not 'name'", 2, 1),
        (b"<domain type='xen' type='xen'/>", "attribute 'type' at", 1, 20),
        (b"<domain/><domain/>", "not well-formed XML", 1, 10),
        (b"<domain type=\n'xen\x00'/>", "the control character 0x00", 2, 5),
        (b"<domain>\n  \xff</domain>", "byte 0xff is no UTF-8", 2, 3),
        (b"\xff\xfe<\x00", "UTF-16", 1, 1),
        (b"<?xml version='1.0' encoding='latin1'?><domain/>", "encoding \"latin1\"", 1, 1),
        (b"\n<!DOCTYPE d [<!ENTITY a 'b'>]><d>&a;</d>", "a document type", 2, 1),
        (b"<domain type='&a;'/>", "the entity &a;", 1, 15),
        (b"<domain>&#0;</domain>", "not well-formed XML", 1, 9),
        (b"<guest>\n</guest>", "the document is a <guest>", 1, 1),
        (b"<domain xmlns='x' type='xen'/>", "the document is a <domain>", 1, 1),
        (b"<d:domain type='xen'/>", "not well-formed XML", 1, 2),
        (many.as_bytes(), "2049 signs =", 1, 1),
        (spaces.as_bytes(), "65 namespaces", 1, 1),
        (deep.as_bytes(), "nested deeper than 32 levels", 1, 97),
    ];
    for (bytes, what, line, column) in cases {
        let (said, at_line, at_column) = refusal(bytes);
        let shown = String::from_utf8_lossy(bytes);
        assert!(said.contains(what), "{shown}: {said}");
        assert_eq!((at_line, at_column), (*line, *column), "{shown}: {said}");
    }
    assert!(refusal(&[b' '; domain::MAX_LEN + 1]).0.contains("at most"));
}

#[test]
fn what_describes_no_machine_is_refused_where_it_stands() {
    let disk = "<disk type='file'><source file='f'/><target dev='hda'/></disk>";
    let cases = [
        ("<name>b</name>", "<name> is there twice", 3, 1),
        ("<uuid>12</uuid>", "\"12\" is no UUID", 3, 7),
        ("<uuid>06ed00fe-1162-4fc4-b5d8-11993ee4a8bg</uuid>", "is no UUID", 3, 7),
        ("<uuid/>", "<uuid> is empty", 3, 1),
        ("<vcpu>0</vcpu>", "without a processor", 3, 7),
        ("<vcpu>one</vcpu>", "\"one\" is not a number of processors", 3, 7),
        ("<vcpu>4294967297</vcpu>", "too much", 3, 7),
        ("<currentMemory>5</currentMemory>", "more than the memory", 3, 16),
        ("<currentMemory unit='KB'>0</currentMemory>", "without memory", 3, 26),
        ("<currentMemory unit='XB'>1</currentMemory>", "no unit of memory \"XB\"", 3, 22),
        ("<on_crash>explode</on_crash>", "\"explode\" is not an action", 3, 11),
        ("<title>a\nb</title>", "more than one line", 3, 8),
        ("<clock/>", "attribute offset of <clock> is missing", 3, 1),
        ("<clock offset='variable' adjustment='x'/>", "no number of seconds", 3, 38),
        ("<devices><disk/></devices>", "attribute type of <disk> is missing", 3, 10),
        ("<devices><disk type='file'/></devices>", "without a source", 3, 10),
        ("<devices><disk type='file' device='tape'/></devices>", "\"tape\"", 3, 36),
        ("<devices><serial/></devices>", "attribute type of <serial> is missing", 3, 10),
        ("<devices><serial type='file'/></devices>", "without a file", 3, 10),
        ("<devices><graphics type='vnc' port='70000'/></devices>", "too much", 3, 37),
        ("<devices><graphics type='vnc' autoport='x'/></devices>", "autoport", 3, 41),
        (
            "<devices><interface type='user'><mac address='00:16'/></interface></devices>",
            "no hardware address",
            3,
            47,
        ),
        (
            "<devices><serial type='pty'><target port='1'/></serial><serial type='null'/></devices>",
            "serial port 1 is there twice",
            3,
            56,
        ),
        (&format!("<devices>{disk}{disk}</devices>"), "two disks are hda", 3, 72),
        (&disk.replace("hda", "/").replacen("<", "<devices><", 1), "not well-formed", 3, 64),
    ];
    for (more, what, line, column) in cases {
        let (said, at_line, at_column) = refusal(pc(more).as_bytes());
        assert!(said.contains(what), "{more}: {said}");
        let at = (at_line, at_column);
        assert!(at == (line, column) || what == "not well-formed", "{more}: {said} at {at:?}");
    }
}

#[test]
fn what_is_missing_is_said_of_its_place() {
    for (text, what) in [
        ("<domain/>", "attribute type of <domain> is missing"),
        ("<domain type='xen'/>", "<name> is missing in <domain>"),
        ("<domain type='xen'><name>a</name></domain>", "<os> is missing in <domain>"),
        ("<domain type='xen'><name>a/b</name></domain>", "has a slash"),
        ("<domain type='xen'><name>a</name><os/></domain>", "<type> is missing in <os>"),
        (
            "<domain type='xen'><name>a</name><os><type>exe</type></os></domain>",
            "\"exe\" is not a type of domain",
        ),
        (
            "<domain type='xen'><name>a</name><os><type>hvm</type></os></domain>",
            "<memory> is missing in <domain>",
        ),
        ("(vm)", "(name ...) is missing in (vm ...)"),
        ("(vm (name a))", "(image ...) is missing in (vm ...)"),
        ("(vm (name a)(image))", "neither (hvm ...) nor (linux ...)"),
        ("(vm (name a)(image (hvm)(linux)))", "two kinds of domain"),
        ("(vm (name a)(image (hvm)))", "(memory ...) is missing in (vm ...)"),
    ] {
        assert!(
            refusal(text.as_bytes()).0.contains(what),
            "{text}: {}",
            refusal(text.as_bytes()).0
        );
    }
}

#[test]
fn what_is_no_s_expression_is_refused_where_it_breaks() {
    let deep = "(".repeat(100_000 / 2);
    for (text, what, line, column) in [
        ("(", "the text ends inside 1 parentheses", 1, 2),
        ("(vm\n(name", "the text ends inside 2 parentheses", 2, 6),
        ("(vm\n (name 'a)", "has no end", 2, 8),
        ("(vm (name \"a'))", "has no end", 1, 11),
        ("(vm (name 'a\\n'))", "a backslash before", 1, 13),
        ("(vm (name 'a\nb'))", "more than one line", 1, 11),
        ("(vm) (vm)", "text after the last )", 1, 6),
        ("(vm))", "text after the last )", 1, 5),
        (&deep, "nested deeper than 32 levels", 1, 33),
        ("()", "the first list has no name", 1, 1),
        ("((vm))", "the first list has no name", 1, 1),
        ("(guest (name a))", "the document is (guest ...)", 1, 1),
        ("(vm (name a)(name b))", "(name ...) is there twice", 1, 13),
        ("(vm (name a b))", "a second word \"b\"", 1, 13),
        ("(vm (name a)(memory 1k))", "\"1k\" is not a number of MiB", 1, 21),
        ("(vm (name a)(memory 99999999999999))", "too much", 1, 21),
        ("(vm (name a)(vcpus 1)(image (hvm (vcpus 2))))", "2 processors here", 1, 41),
        ("(vm (name a)(image (hvm (acpi yes))))", "neither 0 nor 1", 1, 31),
        ("(vm (name a)(image (hvm (boot cx))))", "no boot device 'x'", 1, 31),
        ("(vm (name a)(memory 1)(image (hvm (boot cc))))", "named twice", 1, 42),
        ("(vm (name a)(image (hvm))(device (vbd)))", "(dev ...) is missing", 1, 34),
        ("(vm (name a)(image (hvm))(device (vbd (dev hda))))", "(uname ...) is missing", 1, 34),
        (
            "(vm (name a)(image (hvm))(device (vbd (dev hda)(uname x:y))))",
            "stored in no way",
            1,
            55,
        ),
        (
            "(vm (name a)(image (hvm))(device (vbd (dev hda:x)(uname x:y))))",
            "no kind of drive",
            1,
            44,
        ),
    ] {
        let (said, at_line, at_column) = refusal(text.as_bytes());
        assert!(said.contains(what), "{text:.60}: {said}");
        assert_eq!((at_line, at_column), (line, column), "{text:.60}: {said}");
    }
}
