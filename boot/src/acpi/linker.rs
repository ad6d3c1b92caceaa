//! Gives table blobs their addresses, then fills in the pointers between them and their checksums.
//!
//! The operations are those of QEMU's table-loader script: allocate with an alignment, add a pointer,
//! add a checksum. Here they are carried out at once; `table_loader` hands a firmware the same list.

/// One table before linking.
pub(super) struct Blob {
    /// Signature; also the name that pointers use.
    pub(super) name: &'static str,
    /// Content with zeros where pointers and checksums go.
    pub(super) bytes: Vec<u8>,
    /// Power of two.
    pub(super) align: u64,
    /// Fields that hold another blob's address.
    pub(super) pointers: Vec<Pointer>,
    /// Fields that make a sum zero, in the order they are filled in.
    pub(super) checksums: Vec<Checksum>,
}

/// A little-endian address field.
pub(super) struct Pointer {
    /// Where it lies in the blob.
    pub(super) offset: usize,
    /// Width of the field in bytes, 4 or 8.
    pub(super) size: usize,
    /// Blob pointed to.
    pub(super) target: &'static str,
}

/// A byte that makes the first `covers` bytes of the blob add up to zero modulo 256.
pub(super) struct Checksum {
    /// Where the byte lies.
    pub(super) offset: usize,
    /// How many bytes it covers, from the start of the blob.
    pub(super) covers: usize,
}

impl Blob {
    /// A table with the standard header: its checksum at offset 9 covers all of it (ACPI 6.5,
    /// "System Description Table Header").
    pub(super) fn table(name: &'static str, bytes: Vec<u8>) -> Self {
        let checksums = vec![Checksum { offset: 9, covers: bytes.len() }];
        Self { name, bytes, align: 16, pointers: Vec::new(), checksums }
    }

    /// Adds a pointer field.
    pub(super) fn pointer(mut self, offset: usize, size: usize, target: &'static str) -> Self {
        self.pointers.push(Pointer { offset, size, target });
        self
    }
}

/// Lays the blobs out from `start` on, in their order, and links them.
///
/// # Panics
/// If a pointer names a blob that is not there or cannot hold its address: mistakes of this crate,
/// which no platform description can cause.
pub(super) fn place(blobs: Vec<Blob>, start: u64) -> Vec<(u64, Vec<u8>, &'static str)> {
    let addresses = allocate(&blobs, start);
    let address_of = |target| {
        let found = addresses.iter().find(|(name, _)| *name == target);
        found.unwrap_or_else(|| panic!("no table {target} to point to")).1
    };
    let link = |mut blob: Blob| {
        for pointer in &blob.pointers {
            let address = address_of(pointer.target).to_le_bytes();
            assert!(address[pointer.size..].iter().all(|&byte| byte == 0), "address too wide");
            blob.bytes[pointer.offset..pointer.offset + pointer.size]
                .copy_from_slice(&address[..pointer.size]);
        }
        // After the pointers, which the sums cover.
        for sum in &blob.checksums {
            blob.bytes[sum.offset] = 0;
            blob.bytes[sum.offset] = sum_of(&blob.bytes[..sum.covers]).wrapping_neg();
        }
        (address_of(blob.name), blob.bytes, blob.name)
    };
    blobs.into_iter().map(link).collect()
}

/// Name and address of each blob, in their order from `start` on.
pub(super) fn allocate(blobs: &[Blob], start: u64) -> Vec<(&'static str, u64)> {
    let mut next = start;
    let place = |blob: &Blob| {
        let address = next.next_multiple_of(blob.align);
        next = address + blob.bytes.len() as u64;
        (blob.name, address)
    };
    blobs.iter().map(place).collect()
}

/// Sum of all bytes modulo 256.
pub(super) fn sum_of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(byte))
}
