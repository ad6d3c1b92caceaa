//! Descriptions of domains: converted, and as the configuration of a run.

use crate::support::{DEMO, ENOUGH, Scratch, run};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/domain/");
const FOUNDING: &str = include_str!("../domain/founding.xml");

/// The example of 2008 with its files, all of them the demo guest, beside it.
fn founding(scratch: &Scratch) -> String {
    let demo = std::fs::read(DEMO).expect("the demo guest");
    scratch.file("vmlinuz.f864", &demo);
    scratch.file("initrd.img.f864", &demo);
    scratch.file("kernel.img", &[0; 8192]);
    scratch.file("domain.xml", FOUNDING.replace("/root/", "").as_bytes())
}

#[test]
fn what_a_domain_has_and_this_machine_lacks_is_one_list() {
    let scratch = Scratch::new("domain-lacks");
    let domain = founding(&scratch);

    let ran = run(&["--domain", &domain, "--serial=null", ENOUGH]);

    assert_eq!(ran.status, Some(2), "{}", ran.stderr);
    assert!(ran.is_three_line_error(), "{}", ran.stderr);
    for word in [
        "loader \"/usr/lib/xen/boot/hvmloader\", which starts only under Xen (line 6)",
        "<interface type=\"bridge\"> (line 24)",
        "<graphics type=\"vnc\"> (line 35)",
    ] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert!(ran.stderr.contains(&format!("at: {domain}, line 6, column 13")), "{}", ran.stderr);
}

#[test]
fn the_example_of_2008_boots_its_own_kernel_when_its_lacks_are_left_out() {
    let scratch = Scratch::new("domain-boots");
    let domain = founding(&scratch);

    let ran = run(&["--domain", &domain, "--domain-lenient", ENOUGH]);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("bootscope demo guest"), "{}", ran.stdout);
    for word in
        ["line 24, column 5: left out: <interface", "left out: <graphics", "emulator \"/usr/lib64"]
    {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("built-in"), "its files are its own: {}", ran.stderr);
}

#[test]
fn options_beside_a_domain_count_more() {
    let scratch = Scratch::new("domain-options");
    let domain = scratch.file(
        "domain.xml",
        b"<domain type='kvm'><name>a</name><memory unit='GiB'>1000</memory><vcpu>8</vcpu>\
          <os><type>hvm</type><kernel>missing</kernel><initrd>missing</initrd></os>\
          <features><acpi/><apic/><pae/></features>\
          <devices><serial type='file'><source path='serial.log'/></serial></devices></domain>",
    );

    let words = ["-m", "64", "--smp=1", "--kernel", DEMO, "--initrd=none", "--domain", &domain];
    let ran = run(&[&words[..], &["-q", ENOUGH]].concat());

    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""));
    assert_eq!(ran.stdout, "", "the serial port is the domain's");
    let log = std::fs::read_to_string(scratch.path("serial.log")).expect("beside the document");
    assert!(log.starts_with("bootscope demo guest"), "{log}");
}

#[test]
fn domains_that_are_none_are_refused_with_line_and_column() {
    let scratch = Scratch::new("domain-bad");
    let head = "<domain type='kvm'>\n<name>a</name><memory>65536</memory>\n";
    let pc = |more: &str| format!("{head}<os><type>hvm</type>{more}</os></domain>");
    let kernel = pc("<kernel>k</kernel>");
    let cases = [
        ("<domain>\n  <name>a</nam>".to_owned(), "not well-formed XML", "line 2, column 10"),
        ("(vm (name 'a'".to_owned(), "the text ends inside", "line 1, column 14"),
        ("\x7fELF".to_owned(), "neither XML", "line 1, column 1"),
        (String::new(), "empty", "bad"),
        (pc(""), "neither a kernel nor firmware", "line 3, column 11"),
        (pc("<boot dev='cdrom'/>"), "neither a kernel nor firmware", "line 3, column 11"),
        (pc("<cmdline>x</cmdline>"), "<cmdline> without a kernel", "line 3, column 30"),
        (pc("<kernel>k</kernel><tpm/>"), "element <tpm>", "line 3, column 39"),
        (kernel.replace("65536", "1"), "RAM", "RAM size (-m)"),
        (kernel.replace("65536", "999999999999"), "more than the 256 GiB", "line 2, column 23"),
        (
            kernel.replace("</memory>", "</memory><vcpu>2</vcpu>"),
            "2 processors",
            "line 2, column 43",
        ),
        (pc("<kernel>missing</kernel>"), "cannot read it", "missing (--kernel)"),
    ];
    std::fs::copy(DEMO, scratch.path("k")).expect("a kernel beside the document");
    for (text, what, place) in &cases {
        let file = scratch.file("bad", text.as_bytes());
        let ran = run(&["--domain", &file, "-q", ENOUGH]);
        assert_eq!(ran.status, Some(2), "{what}: {}", ran.stderr);
        assert!(ran.is_three_line_error(), "{what}: {}", ran.stderr);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(lines[0].contains(what) && lines[1].contains(place), "{what}: {}", ran.stderr);
    }
    for args in [
        &["--domain"][..],
        &["--domain", "/nonexistent"],
        &["--domain", "/dev/zero"],
        &["--domain-lenient"],
        &["domain"],
        &["domain", "/nonexistent", "--to", "xml"],
        &["domain", DEMO, "--to", "json"],
        &["domain", DEMO, "--to", "xml"],
    ] {
        let ran = run(args);
        assert_eq!(ran.status, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.is_three_line_error(), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn a_domain_is_converted_from_and_to_either_form() {
    let scratch = Scratch::new("domain-convert");
    let founding = format!("{FOLDER}founding.xml");

    let sexpr = run(&["domain", &founding, "--to", "sexpr"]);
    let file = scratch.file("domain.sexpr", sexpr.stdout.as_bytes());
    let back = run(&["domain", &file, "--to", "xml"]);
    let direct = run(&["domain", &founding, "--to", "xml"]);

    assert_eq!((sexpr.status, &*sexpr.stderr), (Some(0), ""));
    assert!(sexpr.stdout.starts_with("(vm (name 'kernel')"), "{}", sexpr.stdout);
    assert!(back.stdout.starts_with("<domain type='xen'>"), "{}", back.stdout);
    assert_eq!(back.stdout, direct.stdout);
}

#[test]
fn what_a_conversion_would_lose_is_refused_or_said() {
    let modern = format!("{FOLDER}modern.xml");

    let strict = run(&["domain", &modern, "--to", "xml"]);
    let lenient = run(&["domain", &modern, "--to", "xml", "--domain-lenient"]);
    let sexpr = run(&["domain", &format!("{FOLDER}kvm-direct.xml"), "--to", "sexpr"]);

    assert_eq!((strict.status, &*strict.stdout), (Some(2), ""));
    assert!(strict.is_three_line_error(), "{}", strict.stderr);
    assert!(strict.stderr.contains("element <video> in <devices> (line 24)"), "{}", strict.stderr);
    assert_eq!(lenient.status, Some(0), "{}", lenient.stderr);
    assert!(lenient.stderr.contains("left out: element <video>"), "{}", lenient.stderr);
    assert!(lenient.stdout.contains("<kernel>vmlinuz</kernel>"), "{}", lenient.stdout);
    assert_eq!(sexpr.status, Some(2), "{}", sexpr.stderr);
    assert!(sexpr.stderr.contains("taken for the loader"), "{}", sexpr.stderr);
}
