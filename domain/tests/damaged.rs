//! Descriptions that are cut off or as long as they may be: each is refused or read, and soon. Damage of
//! other kinds is in `fuzz/hostile`.

use domain::Document;

/// True if there is a domain in it; a refusal says why, where and what to do.
fn is_read(bytes: &[u8]) -> bool {
    match Document::read(bytes) {
        Ok(_) => true,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
            assert!(error.place().line > 0 && error.place().column > 0);
            false
        }
    }
}

/// Every prefix ends somewhere inside something.
#[test]
fn every_cut_off_description_is_refused() {
    for text in [
        include_str!("../../tests/domain/founding.xml"),
        include_str!("../../tests/domain/founding-new.sexpr"),
    ] {
        let whole = text.trim_end();
        for end in 0..whole.len() {
            assert!(!is_read(&whole.as_bytes()[..end]), "{}", &whole[..end]);
        }
    }
}

/// Texts at the limit of length whose handling could grow with its square.
#[test]
fn long_descriptions_end_soon() {
    let most = domain::MAX_LEN;
    let filled = |head: &str, piece: &str, tail: &str| {
        let times = (most - head.len() - tail.len()) / piece.len();
        format!("{head}{}{tail}", piece.repeat(times))
    };
    let attributes: String = (0..5000).map(|number| format!(" a{number}=''")).collect();
    let spaces: String =
        (0..1500).map(|number| format!("<a xmlns:n{number}='{number}'>")).collect();
    for text in [
        filled("<domain>", "<a/>", "</domain>"),
        filled("<domain>", "<a>", ""),
        filled("<domain", " a=''", "/>"),
        filled("<domain type='xen'><name>", "&amp;", "</name></domain>"),
        filled(
            "<domain type='xen'><name>a</name><os><type>hvm</type>",
            "<boot dev='hd'/>",
            "</os></domain>",
        ),
        filled("(vm ", "(a)", ")"),
        filled("(vm ", "('", ")"),
        filled("(vm (name '", "\\\\", "'))"),
        format!("<domain{attributes}/>"),
        format!("<domain>{spaces}"),
    ] {
        is_read(text.as_bytes());
    }
}
