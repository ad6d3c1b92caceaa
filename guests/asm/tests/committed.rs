//! The guests that the product embeds are what their source says.

use std::fs;
use std::path::Path;

/// The bytes are committed so that users need no assembler; this is what keeps them honest.
#[test]
fn committed_guests_equal_what_their_source_assembles_to() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, image) in bootscope_guests::committed() {
        let elf = guests.join(name).with_extension("elf");
        let listing = elf.with_extension("lst");
        let advice = "`cargo run -p bootscope-guests` writes it anew";
        assert!(fs::read(&elf).unwrap_or_default() == image.bytes(), "{name}.elf: {advice}");
        let text = fs::read_to_string(&listing).unwrap_or_default();
        assert!(text == image.listing(), "{name}.lst: {advice}");
    }
}

#[test]
fn the_init_program_stays_below_a_kilobyte() {
    assert!(bootscope_guests::init::image().bytes().len() < 1024);
}
