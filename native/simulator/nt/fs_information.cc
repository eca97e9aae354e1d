// SPDX-License-Identifier: MIT
//
// What is open on the host's volume and how it is shared; information about files.

#include "fs_internal.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nt {

// The host's files outlive any machine, and so may the lock.
std::mutex &fsLock() {
    static std::mutex lock;
    return lock;
}

static std::map<std::pair<dev_t, ino_t>, HostNode> nodes;

namespace {

struct Uses {
    bool read, write, remove;
    explicit Uses(ACCESS_MASK access)
        : read((access & (FILE_READ_DATA | FILE_EXECUTE)) != 0),
          write((access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0), remove((access & DELETE) != 0) {}
    // Attributes and security alone disturb nobody.
    bool any() const { return read || write || remove; }
};

void count(HostNode &node, const Uses &uses, ULONG share, ULONG change) {
    node.opens += change;
    if (!uses.any()) {
        return;
    }
    auto add = [change](ULONG &counter, bool counts) { counter += counts ? change : 0; };
    node.sharers += change;
    add(node.readers, uses.read);
    add(node.writers, uses.write);
    add(node.deleters, uses.remove);
    add(node.sharesRead, share & FILE_SHARE_READ);
    add(node.sharesWrite, share & FILE_SHARE_WRITE);
    add(node.sharesDelete, share & FILE_SHARE_DELETE);
}

// As IoCheckShareAccess: everybody who is there must have allowed it, and nobody may do what the new one does not
// allow.
bool collides(const HostNode &node, const Uses &uses, ULONG share) {
    auto forbidden = [&](bool does, ULONG sharing) { return does && sharing < node.sharers; };
    auto unwanted = [&](ULONG doing, ULONG bit) { return doing != 0 && !(share & bit); };
    return uses.any() && (forbidden(uses.read, node.sharesRead) || forbidden(uses.write, node.sharesWrite) ||
                          forbidden(uses.remove, node.sharesDelete) || unwanted(node.readers, FILE_SHARE_READ) ||
                          unwanted(node.writers, FILE_SHARE_WRITE) || unwanted(node.deleters, FILE_SHARE_DELETE));
}

LARGE_INTEGER timeOf(const timespec &time) {
    constexpr LONGLONG epoch = 116444736000000000; // 1601 to 1970 in 100 ns
    return {.QuadPart = static_cast<LONGLONG>(time.tv_sec) * 10000000 + time.tv_nsec / 100 + epoch};
}

bool isEmptyDirectory(const std::string &path) {
    size_t entries = 0;
    if (DIR *open = opendir(path.c_str())) {
        while (const dirent *entry = readdir(open)) {
            entries += std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0;
        }
        closedir(open);
    }
    return entries == 0;
}

bool holdsOpenFiles(const std::string &folder) {
    for (const auto &[id, node] : nodes) {
        for (const HostFile *file : node.files) {
            if (file->path.starts_with(folder + "/")) {
                return true;
            }
        }
    }
    return false;
}

NTSTATUS queryName(const HostFile &file, void *to, ULONG length, ULONG_PTR *used) {
    std::lock_guard lock(fsLock());
    constexpr ULONG start = FIELD_OFFSET(FILE_NAME_INFORMATION, FileName);
    auto bytes = static_cast<ULONG>(file.name.size() * sizeof(WCHAR));
    auto answer = static_cast<PFILE_NAME_INFORMATION>(to);
    answer->FileNameLength = bytes;
    ULONG room = std::min(bytes, (length - start) & ~1u);
    std::memcpy(static_cast<char *>(to) + start, file.name.data(), room);
    *used = start + room;
    return room < bytes ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

NTSTATUS rename(HostFile &file, const void *information, ULONG length) {
    constexpr ULONG start = FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName);
    auto wanted = static_cast<const FILE_RENAME_INFORMATION *>(information);
    if (wanted->FileNameLength > length - start || wanted->FileNameLength % sizeof(WCHAR) != 0) {
        return STATUS_INVALID_PARAMETER;
    }
    // Relative to another directory: not supported.
    if (wanted->RootDirectory != nullptr) {
        return STATUS_NOT_SUPPORTED;
    }
    std::u16string target(wanted->FileNameLength / sizeof(WCHAR), u'\0');
    std::memcpy(target.data(), static_cast<const char *>(information) + start, wanted->FileNameLength);
    std::u16string name;
    if (target.starts_with(u'\\')) {
        PDEVICE_OBJECT device;
        {
            std::lock_guard lock(kernel().ioLock);
            NTSTATUS status = referenceDevice(target, &device, &name);
            if (!NT_SUCCESS(status)) {
                return status;
            }
        }
        releaseDevice(device);
        if (device != kernel().hostVolume) {
            return STATUS_NOT_SAME_DEVICE;
        }
    }
    std::lock_guard lock(fsLock());
    if (name.empty()) {
        name = file.name.substr(0, file.name.rfind(u'\\') + 1) + target;
    }
    HostPath found;
    NTSTATUS status = findHostPath(name, &found);
    if (!NT_SUCCESS(status)) {
        return status;
    }
    struct stat facts;
    bool same = found.path == file.path;
    if (found.exists && !same) {
        if (!wanted->ReplaceIfExists) {
            return STATUS_OBJECT_NAME_COLLISION;
        }
        if (stat(found.path.c_str(), &facts) != 0) {
            return statusOf(errno);
        }
        if (S_ISDIR(facts.st_mode) || isOpen(facts.st_dev, facts.st_ino)) {
            return STATUS_ACCESS_DENIED;
        }
    }
    // A change of case alone: the name found is the old one.
    if (same) {
        return STATUS_SUCCESS;
    }
    if (file.directory && holdsOpenFiles(file.path)) {
        return STATUS_ACCESS_DENIED;
    }
    if (::rename(file.path.c_str(), found.path.c_str()) != 0) {
        return statusOf(errno);
    }
    for (HostFile *each : file.node->files) {
        each->path = found.path;
        each->name = found.name;
    }
    return STATUS_SUCCESS;
}

NTSTATUS dispose(HostFile &file, bool remove) {
    std::lock_guard lock(fsLock());
    if (remove && file.directory && !isEmptyDirectory(file.path)) {
        return STATUS_DIRECTORY_NOT_EMPTY;
    }
    struct stat facts;
    if (remove && fstat(file.descriptor, &facts) == 0 && (facts.st_mode & 0222) == 0) {
        return STATUS_CANNOT_DELETE;
    }
    file.node->deletePending = remove;
    return STATUS_SUCCESS;
}

} // namespace

NTSTATUS acquireNode(dev_t device, ino_t number, HostFile &file) {
    HostNode &node = nodes[{device, number}];
    node.device = device;
    node.number = number;
    Uses uses(file.access);
    NTSTATUS status = node.deletePending                 ? STATUS_DELETE_PENDING
                      : collides(node, uses, file.share) ? STATUS_SHARING_VIOLATION
                                                         : STATUS_SUCCESS;
    if (NT_SUCCESS(status)) {
        count(node, uses, file.share, 1);
        node.files.insert(&file);
        file.node = &node;
    }
    return status;
}

void releaseNode(HostFile &file) {
    count(*file.node, Uses(file.access), file.share, static_cast<ULONG>(-1));
    file.node->files.erase(&file);
    if (file.node->opens == 0) {
        nodes.erase({file.node->device, file.node->number});
    }
    file.node = nullptr;
}

bool isOpen(dev_t device, ino_t number) {
    return nodes.count({device, number}) != 0;
}

NTSTATUS queryHostFile(HostFile &file, ULONG type, void *information, ULONG length, ULONG_PTR *used) {
    if (type == FileNameInformation) {
        return queryName(file, information, length, used);
    }
    struct stat facts;
    if (fstat(file.descriptor, &facts) != 0) {
        return statusOf(errno);
    }
    if (type == FileBasicInformation) {
        FILE_BASIC_INFORMATION basic = {};
        // The host does not tell when a file was made.
        basic.CreationTime = basic.LastWriteTime = timeOf(facts.st_mtim);
        basic.LastAccessTime = timeOf(facts.st_atim);
        basic.ChangeTime = timeOf(facts.st_ctim);
        basic.FileAttributes = (file.directory ? FILE_ATTRIBUTE_DIRECTORY : FILE_ATTRIBUTE_ARCHIVE) |
                               (facts.st_mode & 0222 ? 0 : FILE_ATTRIBUTE_READONLY);
        std::memcpy(information, &basic, sizeof basic);
        *used = sizeof basic;
        return STATUS_SUCCESS;
    }
    if (type == FileStandardInformation) {
        FILE_STANDARD_INFORMATION standard = {};
        standard.AllocationSize.QuadPart = file.directory ? 0 : facts.st_blocks * 512;
        standard.EndOfFile.QuadPart = file.directory ? 0 : facts.st_size;
        standard.Directory = file.directory;
        std::lock_guard lock(fsLock());
        standard.DeletePending = file.node != nullptr && file.node->deletePending;
        standard.NumberOfLinks = static_cast<ULONG>(facts.st_nlink) - (standard.DeletePending ? 1 : 0);
        std::memcpy(information, &standard, sizeof standard);
        *used = sizeof standard;
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_INFO_CLASS;
}

NTSTATUS setHostFile(HostFile &file, ULONG type, const void *information, ULONG length) {
    switch (type) {
    case FileEndOfFileInformation: {
        LONGLONG size = static_cast<const FILE_END_OF_FILE_INFORMATION *>(information)->EndOfFile.QuadPart;
        if (size < 0 || file.directory) {
            return STATUS_INVALID_PARAMETER;
        }
        return ftruncate(file.descriptor, size) == 0 ? STATUS_SUCCESS : statusOf(errno);
    }
    case FileDispositionInformation:
        return dispose(file, static_cast<const FILE_DISPOSITION_INFORMATION *>(information)->DeleteFile != 0);
    case FileRenameInformation:
        return rename(file, information, length);
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

} // namespace nt
