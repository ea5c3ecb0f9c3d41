//! Folders that are opened one below the other, so that no symbolic link is followed.

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::DirBuilderExt as _,
    },
    path::Path,
    time::UNIX_EPOCH,
};

use evidence::{ListedObject, ObjectName};
use kernel::Timestamp;
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags},
    io::Errno,
};

const FOLDER_MODE: Mode = Mode::RWXU;
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// An open folder.
pub(super) struct Directory(OwnedFd);

impl Directory {
    /// Creates the folder of the store, with the folders above it, and syncs the folder that contains it.
    pub(super) fn create_root(path: &Path) -> io::Result<()> {
        let above = path.parent().filter(|above| *above != Path::new(""));
        if let Some(above) = above {
            fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE.bits()).create(above)?;
        }
        fs::DirBuilder::new().mode(FOLDER_MODE.bits()).create(path)?;
        Self::open_root(above.unwrap_or(Path::new(".")))?.sync()
    }

    /// Opens the folder of the store. It may be a symbolic link, which the operator has put there.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// Opens a folder in this one.
    fn open(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Opens a folder in this one, and creates it if it does not exist.
    fn open_or_create(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.0, name, FOLDER_MODE) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        self.open(name)
    }

    /// Opens the folder of an object, and creates it if it does not exist. Returns the name of the object's file.
    pub(super) fn create_folder_of(&self, name: &ObjectName) -> io::Result<(Self, String)> {
        let (folders, file) = split(name);
        let mut directory = self.open_or_create(&folders[0])?;
        directory = directory.open_or_create(&folders[1])?;
        Ok((directory, file))
    }

    fn folder_of(&self, name: &ObjectName) -> io::Result<(Self, String)> {
        let (folders, file) = split(name);
        Ok((self.open(&folders[0])?.open(&folders[1])?, file))
    }

    /// Creates a file in this folder, which must not exist.
    pub(super) fn create_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, FILE_MODE)?))
    }

    /// Opens the file of an object for reading.
    pub(super) fn open_object(&self, name: &ObjectName) -> io::Result<File> {
        let (directory, file) = self.folder_of(name)?;
        // A pipe in the place of the file must not block.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&directory.0, &file, flags, Mode::empty())?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
        }
    }

    /// Removes the file of an object.
    pub(super) fn remove_object(&self, name: &ObjectName) -> io::Result<()> {
        let (directory, file) = self.folder_of(name)?;
        directory.remove_file(&file)
    }

    /// Removes a file in this folder.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Moves a file from this folder to another one, which is synced.
    pub(super) fn move_file(&self, name: &str, to: &Self, new_name: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.0, name, &to.0, new_name)?;
        to.sync()
    }

    /// Syncs the folder, so that the files in it survive a power failure.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Lists up to `limit` objects whose names are above `after`, in the order of their names, with this folder as that of
    /// the store.
    pub(super) fn list_objects(&self, after: &str, limit: usize) -> io::Result<Vec<ListedObject>> {
        let mut objects = Vec::new();
        // A folder is skipped if everything in it comes before `after`.
        let is_passed = |path: &str| path < after.get(..path.len()).unwrap_or(after);
        for organization in self.names(FileType::Directory)? {
            if is_passed(&organization) {
                continue;
            }
            let Some(directory) = found(self.open(&organization))? else { continue };
            for folder in directory.names(FileType::Directory)? {
                let path = format!("{organization}/{folder}/");
                if is_passed(&path) {
                    continue;
                }
                let Some(directory) = found(directory.open(&folder))? else { continue };
                for file in directory.names(FileType::RegularFile)? {
                    let path = format!("{path}{file}");
                    let Ok(name) = path.parse() else { continue };
                    if *path <= *after {
                        continue;
                    }
                    if objects.len() == limit {
                        return Ok(objects);
                    }
                    objects.extend(found(directory.object(name, &file))?);
                }
            }
        }
        Ok(objects)
    }

    fn object(&self, name: ObjectName, file: &str) -> io::Result<ListedObject> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let metadata = File::from(rustix::fs::openat(&self.0, file, flags, Mode::empty())?).metadata()?;
        let since_epoch = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        Ok(ListedObject { name, size: metadata.len(), modified_at: Timestamp::from_millis(millis) })
    }

    /// The names in this folder of this type, in order. Names that are not UTF-8 are not of this program.
    fn names(&self, kind: FileType) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.0.as_fd())? {
            let entry = entry?;
            // Some file systems do not say the type; opening the entry decides then.
            if entry.file_type() == kind || entry.file_type() == FileType::Unknown {
                let name = CString::from(entry.file_name()).into_string();
                names.extend(name.ok().filter(|name| !name.starts_with('.')));
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// The two folders that contain the file of an object, and the name of the file.
fn split(name: &ObjectName) -> ([String; 2], String) {
    let name = name.to_string();
    let mut parts = name.splitn(3, '/').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    ([next(), next()], next())
}

/// Returns `None` if the file or folder was removed after it was listed, or is of another type.
fn found<T>(opened: io::Result<T>) -> io::Result<Option<T>> {
    match opened {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound || is_of_another_type(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a folder or file was not opened because there is a symbolic link or something else in its place.
pub(super) fn is_of_another_type(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::LOOP | Errno::NOTDIR | Errno::MLINK))
}
