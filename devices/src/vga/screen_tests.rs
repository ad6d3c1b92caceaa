//! What the monitor shows. Expected values: pictures and BIOS mode parameters (modes 3, 4, 12h, 13h) of the
//! IBM VGA/XGA Technical Reference.

use super::tests::{WINDOW_TEXT, mode_13h, planar, print, set, text_mode, write};
use super::*;

fn line(vga: &Vga, row: usize) -> String {
    vga.text_page().unwrap().lines()[row].clone()
}

#[test]
fn the_text_page_begins_at_the_start_address_and_holds_the_cursor() {
    let mut vga = text_mode();
    print(&mut vga, 0, "first line");
    print(&mut vga, 83, "on the second");
    let page = vga.text_page().unwrap();
    assert_eq!((page.columns, page.cells.len(), page.font_height), (80, 80 * 25, 16));
    assert_eq!(page.lines()[..3], ["first line", "   on the second", ""]);
    assert_eq!(page.cells[83], Cell { character: b'o', attribute: 0x1e });
    assert_eq!(page.cells[81], Cell { character: b' ', attribute: 0x07 });
    assert_eq!(page.cursor, Some(Cursor { row: 0, column: 0, first_line: 13, last_line: 14 }));

    set(&mut vga, 0x3d4, 0x0d, 80); // one row down
    set(&mut vga, 0x3d4, 0x0e, 0);
    set(&mut vga, 0x3d4, 0x0f, 85);
    let page = vga.text_page().unwrap();
    assert_eq!(page.lines()[0], "   on the second");
    let cursor = page.cursor.unwrap();
    assert_eq!((cursor.row, cursor.column), (0, 5));
    set(&mut vga, 0x3d4, 0x0a, 0x2d);
    assert_eq!(vga.text_page().unwrap().cursor, None, "switched off");
}

/// The last start address of a page of 32 KiB: the counter goes on into memory that the window does not
/// show, and does not fault.
#[test]
fn a_page_at_the_end_of_memory_wraps_within_the_planes() {
    let mut vga = text_mode();
    print(&mut vga, 0x3fff, "x");
    set(&mut vga, 0x3d4, 0x0c, 0x3f);
    set(&mut vga, 0x3d4, 0x0d, 0xff);
    assert_eq!(line(&vga, 0).chars().next(), Some('x'));
    set(&mut vga, 0x3d4, 0x0c, 0xff);
    assert_eq!(vga.text_page().unwrap().cells.len(), 2000);
}

/// BIOS mode 1: 40 columns, offset 14h, the dot clock halved.
#[test]
fn forty_columns_and_other_row_offsets_are_honoured() {
    let mut vga = text_mode();
    set(&mut vga, 0x3d4, 0x11, 0x0e);
    set(&mut vga, 0x3d4, 0x01, 0x27);
    set(&mut vga, 0x3d4, 0x13, 0x14);
    set(&mut vga, 0x3c4, 1, 0x08);
    print(&mut vga, 40, "second row");
    assert_eq!(line(&vga, 1), "second row");
    assert_eq!(vga.text_page().unwrap().columns, 40);
    let picture = vga.picture();
    assert_eq!((picture.width, picture.height), (720, 400));
    set(&mut vga, 0x3d4, 0x13, 0x28);
    assert_eq!(line(&vga, 0), "", "80 cells from row to row");
    assert_eq!(line(&vga, 1), "");
}

#[test]
fn eight_line_characters_make_fifty_rows() {
    let mut vga = text_mode();
    set(&mut vga, 0x3d4, 0x09, 0x47);
    assert_eq!(vga.text_page().unwrap().lines().len(), 50);
}

#[test]
fn below_line_compare_the_page_begins_anew() {
    let mut vga = text_mode();
    print(&mut vga, 0, "status");
    print(&mut vga, 800, "main");
    set(&mut vga, 0x3d4, 0x0c, (800u16 >> 8) as u8);
    set(&mut vga, 0x3d4, 0x0d, 800u16 as u8);
    // Line 383 = 17fh: the last row of the 25.
    set(&mut vga, 0x3d4, 0x18, 0x7f);
    set(&mut vga, 0x3d4, 0x09, 0x0f);
    assert_eq!((&*line(&vga, 0), &*line(&vga, 23), &*line(&vga, 24)), ("main", "", "status"));
}

#[test]
fn codes_are_those_of_code_page_437() {
    let mut vga = text_mode();
    for (cell, code) in
        [0x01, 0x80, 0xb3, 0xc4, 0xdb, 0xe1, 0xfe, 0x00, 0x7f].into_iter().enumerate()
    {
        vga.write_memory(WINDOW_TEXT + 2 * cell as u32, code);
    }
    assert_eq!(line(&vga, 0), "☺Ç│─█ß■ ⌂");
    assert_eq!(line(&text_mode(), 0), "");
}

fn dot(picture: &Picture, x: usize, y: usize) -> [u8; 3] {
    let at = 3 * (y * picture.width + x);
    picture.rgb[at..at + 3].try_into().unwrap()
}

const BLACK: [u8; 3] = [0, 0, 0];
const BLUE: [u8; 3] = [0, 0, 0xaa];
const GRAY: [u8; 3] = [0xaa, 0xaa, 0xaa];
const YELLOW: [u8; 3] = [0xff, 0xff, 0x55];

#[test]
fn a_text_picture_is_drawn_with_the_font_in_plane_2() {
    let mut vga = text_mode();
    print(&mut vga, 1, "\u{1}");
    vga.planes.set(32 + 3, 2, 0b1000_0001);
    set(&mut vga, 0x3d4, 0x0f, 5);
    let picture = vga.picture();
    assert_eq!((picture.width, picture.height, picture.rgb.len()), (720, 400, 3 * 720 * 400));
    // Yellow on blue; the ninth dot of a letter is background.
    let row: Vec<_> = (9..18).map(|x| dot(&picture, x, 3)).collect();
    assert_eq!((row[0], row[1], row[7], row[8]), (YELLOW, BLUE, YELLOW, BLUE));
    assert_eq!(dot(&picture, 18, 3), BLACK);
    // The cursor fills lines 13 and 14 of the sixth character.
    assert_eq!([12, 13, 14, 15].map(|y| dot(&picture, 45, y)), [BLACK, GRAY, GRAY, BLACK]);
}

#[test]
fn the_ninth_dot_of_line_graphics_repeats_the_eighth() {
    let mut vga = text_mode();
    vga.write_memory(WINDOW_TEXT, 0xc4);
    vga.write_memory(WINDOW_TEXT + 2, b'-');
    set(&mut vga, 0x3d4, 0x0a, 0x20);
    let picture = vga.picture();
    assert_eq!((dot(&picture, 8, 7), dot(&picture, 17, 7)), (GRAY, BLACK));
}

#[test]
fn a_second_font_is_chosen_by_attribute_bit_3() {
    let mut vga = text_mode();
    set(&mut vga, 0x3d4, 0x0a, 0x20);
    set(&mut vga, 0x3c4, 3, 0x04); // font A at 16 KiB, font B at 0
    vga.planes.set(0x4000 + 32, 2, 0xff);
    vga.write_memory(WINDOW_TEXT, 1);
    vga.write_memory(WINDOW_TEXT + 1, 0x0f);
    vga.write_memory(WINDOW_TEXT + 2, 1);
    let picture = vga.picture();
    assert_eq!((dot(&picture, 0, 0), dot(&picture, 9, 0)), ([0xff; 3], BLACK));
}

#[test]
fn mode_13h_shows_each_byte_as_a_pel_of_two_dots_and_two_lines() {
    let mut vga = mode_13h();
    assert_eq!(vga.text_page(), None);
    vga.write_memory(320 + 5, 0x0e);
    vga.write_memory(319, 1);
    let picture = vga.picture();
    assert_eq!((picture.width, picture.height), (640, 400));
    // Colors 1 and 0eh of the DAC, not of the palette: blue, and red 2/3 with green 2/3 and 1/3 ...
    assert_eq!((dot(&picture, 638, 0), dot(&picture, 639, 1)), (BLUE, BLUE));
    assert_eq!(dot(&picture, 0, 2), BLACK);
    let color = dot(&picture, 10, 2);
    assert_ne!(color, BLACK);
    assert_eq!((dot(&picture, 11, 3), dot(&picture, 12, 2)), (color, BLACK));
    write(&mut vga, 0x3c6, 0);
    assert_eq!(dot(&vga.picture(), 10, 2), BLACK, "PEL mask");
}

/// BIOS mode parameters of mode 12h.
#[test]
fn mode_12h_shows_a_bit_of_each_plane() {
    let mut vga = planar();
    write(&mut vga, 0x3c2, 0xe3);
    set(&mut vga, 0x3c4, 1, 0x01);
    set(&mut vga, 0x3d4, 0x11, 0x0e);
    let crtc = [
        0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0x00, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c,
        0xdf, 0x28, 0x00, 0xe7, 0x04, 0xe3, 0xff,
    ];
    for (index, value) in (0..).zip(crtc) {
        set(&mut vga, 0x3d4, index, value);
    }
    set(&mut vga, 0x3ce, 5, 2);
    set(&mut vga, 0x3ce, 8, 0x01);
    vga.write_memory(80 * 479 + 79, 14);
    let picture = vga.picture();
    assert_eq!((picture.width, picture.height), (640, 480));
    assert_eq!((dot(&picture, 639, 479), dot(&picture, 638, 479)), (YELLOW, BLACK));
    set(&mut vga, 0x3c4, 1, 0x21);
    assert_eq!(dot(&vga.picture(), 639, 479), BLACK, "screen off");
}

/// BIOS mode parameters of mode 4, as far as they matter here: two banks of rows, two bits a PEL.
#[test]
fn mode_4_interleaves_rows_and_pels() {
    let mut vga = text_mode();
    set(&mut vga, 0x3c4, 1, 0x09);
    for (index, value) in [(0x11, 0x0e), (0x01, 0x27), (0x13, 0x14), (0x09, 0xc1), (0x17, 0xa2)] {
        set(&mut vga, 0x3d4, index, value);
    }
    set(&mut vga, 0x3ce, 5, 0x30);
    set(&mut vga, 0x3ce, 6, 0x0f);
    vga.write_memory(0x1_8000, 0b01_00_00_10);
    vga.write_memory(0x1_8001, 0b11_00_00_00);
    vga.write_memory(0x1_a000, 0b11_11_11_11);
    let colors = [BLUE, [0, 0xaa, 0], [0, 0xaa, 0xaa]];
    let picture = vga.picture();
    assert_eq!((picture.width, picture.height), (640, 400));
    let row = |y: usize| [0, 2, 6, 8, 10].map(|x| dot(&picture, x, y));
    assert_eq!(row(0), [colors[0], BLACK, colors[1], colors[2], BLACK]);
    assert_eq!(row(1), row(0), "each line twice");
    assert_eq!(row(2), [colors[2], colors[2], colors[2], BLACK, BLACK], "the second bank");
}
