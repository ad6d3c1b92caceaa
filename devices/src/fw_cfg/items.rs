//! The items that the firmware configuration device offers.

use super::spec::{self, key};
use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items by key, and named files with the directory that lists them.
///
/// Filled before the guest runs. The bytes never change afterwards and are shared between clones: a
/// checkpoint of the machine does not copy a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Items {
    by_key: BTreeMap<u16, Arc<[u8]>>,
    /// Ordered by the bytes of the name, as QEMU orders them; the place gives the key.
    files: BTreeMap<String, Arc<[u8]>>,
}

/// Why a file cannot be offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileError {
    /// The name is empty, contains a NUL or does not fit in 55 bytes.
    Name(String),
    /// All 32 slots of the directory are taken.
    TooMany,
    /// The contents are longer than the directory's 32-bit size can say.
    TooLarge {
        /// Length in bytes.
        len: u64,
    },
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?} is no fw_cfg file name (1 to 55 bytes)"),
            Self::TooMany => write!(f, "more than {} fw_cfg files", spec::FILE_SLOTS),
            Self::TooLarge { len } => write!(f, "fw_cfg file of {len} bytes, at most 4 GiB - 1"),
        }
    }
}

impl std::error::Error for FileError {}

impl Default for Items {
    fn default() -> Self {
        Self::new()
    }
}

impl Items {
    /// Signature, interface ID and an empty directory.
    pub fn new() -> Self {
        let mut items = Self { by_key: BTreeMap::new(), files: BTreeMap::new() };
        items.add(key::SIGNATURE, spec::SIGNATURE.to_vec());
        items.add_u32(key::ID, spec::ID);
        items.list_files();
        items
    }

    /// Offers bytes under a key, replacing what was there. Keys from 0x20 to 0x3f belong to the
    /// files.
    pub fn add(&mut self, key: u16, bytes: impl Into<Arc<[u8]>>) {
        self.by_key.insert(key, bytes.into());
    }

    /// Offers a little-endian number.
    pub fn add_u16(&mut self, key: u16, value: u16) {
        self.add(key, value.to_le_bytes().to_vec());
    }

    /// Offers a little-endian number.
    pub fn add_u32(&mut self, key: u16, value: u32) {
        self.add(key, value.to_le_bytes().to_vec());
    }

    /// Offers a little-endian number.
    pub fn add_u64(&mut self, key: u16, value: u64) {
        self.add(key, value.to_le_bytes().to_vec());
    }

    /// Offers a named file, replacing one of that name. Keys follow the order of all names, so those
    /// of later files may move.
    pub fn add_file(&mut self, name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<(), FileError> {
        let bytes = bytes.into();
        if name.is_empty() || name.len() >= spec::NAME_LEN || name.contains('\0') {
            return Err(FileError::Name(name.to_owned()));
        }
        if u32::try_from(bytes.len()).is_err() {
            return Err(FileError::TooLarge { len: bytes.len() as u64 });
        }
        if self.files.len() >= spec::FILE_SLOTS && !self.files.contains_key(name) {
            return Err(FileError::TooMany);
        }
        self.files.insert(name.to_owned(), bytes);
        self.list_files();
        Ok(())
    }

    /// The bytes under a key.
    pub fn get(&self, key: u16) -> Option<&[u8]> {
        let file = key.checked_sub(key::FILE_FIRST).map(usize::from);
        match file.and_then(|place| self.files.values().nth(place)) {
            Some(bytes) => Some(bytes),
            None => self.by_key.get(&key).map(|bytes| &bytes[..]),
        }
    }

    /// The key under which a named file is found.
    pub fn file_key(&self, name: &str) -> Option<u16> {
        let place = self.files.keys().position(|file| file == name)?;
        Some(key::FILE_FIRST + place as u16)
    }

    /// The names of the files, in the order of the directory.
    pub fn file_names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Writes item 0x19: the count, then an entry for each file; unused slots are 0.
    fn list_files(&mut self) {
        let mut directory = Vec::with_capacity(spec::DIRECTORY_LEN);
        directory.extend_from_slice(&(self.files.len() as u32).to_be_bytes());
        for (place, (name, bytes)) in self.files.iter().enumerate() {
            let mut entry = [0; spec::DIRECTORY_ENTRY_LEN];
            entry[..4].copy_from_slice(&(bytes.len() as u32).to_be_bytes());
            entry[4..6].copy_from_slice(&(key::FILE_FIRST + place as u16).to_be_bytes());
            entry[8..8 + name.len()].copy_from_slice(name.as_bytes());
            directory.extend_from_slice(&entry);
        }
        directory.resize(spec::DIRECTORY_LEN, 0);
        self.add(key::FILE_DIR, directory);
    }
}
