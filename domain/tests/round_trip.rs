//! Every description of `tests/domain` comes back equal from either form.

use domain::{Document, Domain, Form, to_sexpr, to_xml};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/domain")
}

fn file(name: &str) -> Document {
    let bytes = fs::read(folder().join(name)).expect("a description");
    Document::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}, {}", error.place()))
}

/// The domain of a text that was written here: it has no gaps.
fn back(text: &str, form: Form) -> Domain {
    let document = Document::read(text.as_bytes())
        .unwrap_or_else(|error| panic!("{error}, {}\n{text}", error.place()));
    assert_eq!((document.form, &*document.gaps), (form, &[][..]), "{text}");
    document.domain
}

/// Name, and what of the domain an S-expression cannot say.
const FILES: &[(&str, &[&str])] = &[
    ("founding.xml", &[]),
    ("founding-old.sexpr", &[]),
    ("founding-new.sexpr", &[]),
    (
        "kvm-direct.xml",
        &[
            "type=\"kvm\" of the domain: it would be Xen's",
            "the title",
            "arch=\"x86_64\" of <type>",
            "machine=\"pc\" of <type>",
            "a kernel without a loader: it would be taken for the loader",
        ],
    ),
    ("paravirtual.xml", &[]),
    ("every-drive.xml", &[]),
    ("characters.xml", &[]),
    ("clock-and-screen.xml", &[]),
    ("running.sexpr", &[]),
    ("framebuffer.sexpr", &[]),
];

#[test]
fn a_domain_is_equal_after_xml_and_after_a_s_expression() {
    for (name, lost) in FILES {
        let document = file(name);
        assert_eq!(document.gaps, [], "{name}");
        let domain = document.domain;

        let xml = to_xml(&domain);
        let from_xml = back(&xml, Form::Xml);
        let (sexpr, gaps) = to_sexpr(&domain);

        assert_eq!(from_xml, domain, "{name}");
        assert_eq!(to_xml(&from_xml), xml, "{name}: what is written is written again");
        let gaps: Vec<&str> = gaps.iter().map(|gap| &*gap.what).collect();
        assert_eq!(gaps, *lost, "{name}");
        if lost.is_empty() {
            let from_sexpr = back(&sexpr, Form::Sexpr);
            assert_eq!(from_sexpr, domain, "{name}:\n{sexpr}");
            assert_eq!(to_sexpr(&from_sexpr).0, sexpr, "{name}");
            assert_eq!(back(&to_xml(&from_sexpr), Form::Xml), domain, "{name}");
        }
    }
}

/// The list above is all there is.
#[test]
fn every_file_of_the_folder_is_in_the_list() {
    for entry in fs::read_dir(folder()).expect("the folder").flatten() {
        let name = entry.file_name().into_string().expect("a UTF-8 name");
        let listed = FILES.iter().any(|(listed, _)| *listed == name);
        assert!(listed || matches!(&*name, "README.md" | "modern.xml"), "{name}");
    }
}

/// The exchange of 2008 shows what libvirt wrote before and after its change, for one domain.
#[test]
fn the_old_expression_of_2008_is_written_as_the_new_one() {
    let old = file("founding-old.sexpr");
    let new = fs::read_to_string(folder().join("founding-new.sexpr")).expect("a description");

    let (written, gaps) = to_sexpr(&old.domain);

    assert_eq!(gaps, []);
    let plain = "b5d70dd275cdaca517769660b059d8bc";
    assert_eq!(written.replace("b5d70dd2-75cd-aca5-1776-9660b059d8bc", plain), new);
}

/// The patch of the exchange: `kernel` and `loader` side by side, in this order.
#[test]
fn a_kernel_beside_its_loader_has_the_new_spelling() {
    let (written, _) = to_sexpr(&file("founding.xml").domain);

    let image = "(image (hvm (kernel '/root/vmlinuz.f864')(ramdisk '/root/initrd.img.f864')\
                 (args 'console=ttyS0 console=tty0')(loader '/usr/lib/xen/boot/hvmloader')(vcpus 1)\
                 (boot c)(acpi 1)(apic 1)(pae 1)(usb 1)";
    assert!(written.contains(image), "{written}");
}
