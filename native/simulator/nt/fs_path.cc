// SPDX-License-Identifier: MIT
//
// Names on the volume and paths of the host.

#include "fs_internal.h"

#include <cerrno>
#include <dirent.h>
#include <sys/stat.h>

namespace nt {

NTSTATUS statusOf(int error) {
    switch (error) {
    case 0:
        return STATUS_SUCCESS;
    case EACCES:
    case EPERM:
    case ETXTBSY:
    case EBADF: // opened for something else
        return STATUS_ACCESS_DENIED;
    case EROFS:
        return STATUS_MEDIA_WRITE_PROTECTED;
    case ENOENT:
        return STATUS_OBJECT_NAME_NOT_FOUND;
    case ENOTDIR:
    case ELOOP:
        return STATUS_OBJECT_PATH_NOT_FOUND;
    case EEXIST:
        return STATUS_OBJECT_NAME_COLLISION;
    case EISDIR:
        return STATUS_FILE_IS_A_DIRECTORY;
    case ENOTEMPTY:
        return STATUS_DIRECTORY_NOT_EMPTY;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return STATUS_DISK_FULL;
    case EXDEV:
        return STATUS_NOT_SAME_DEVICE;
    case ENAMETOOLONG:
        return STATUS_OBJECT_NAME_INVALID;
    case EMFILE:
    case ENFILE:
        return STATUS_TOO_MANY_OPENED_FILES;
    case ENOMEM:
        return STATUS_INSUFFICIENT_RESOURCES;
    default:
        return STATUS_UNEXPECTED_IO_ERROR;
    }
}

// False for what no name on a volume of Windows can be, and for what means something else to the host.
static bool validComponent(std::u16string_view part) {
    if (part.empty() || part == u"." || part == u".." || part.size() > 255) {
        return false;
    }
    for (char16_t c : part) {
        if (c < 0x20 || std::u16string_view(u"\"*/:<>?|\\").find(c) != std::u16string_view::npos) {
            return false;
        }
    }
    return true;
}

// Empty if a surrogate has no partner.
static std::string utf8(std::u16string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        char32_t c = text[i];
        if (c >= 0xD800 && c < 0xE000) {
            if (c >= 0xDC00 || i + 1 == text.size() || text[i + 1] < 0xDC00 || text[i + 1] >= 0xE000) {
                return {};
            }
            c = 0x10000 + ((c - 0xD800) << 10) + (text[++i] - 0xDC00u);
        }
        auto put = [&out](char32_t bits) { out += static_cast<char>(bits); };
        if (c < 0x80) {
            put(c);
        } else if (c < 0x800) {
            put(0xC0 | c >> 6);
            put(0x80 | (c & 0x3F));
        } else {
            if (c < 0x10000) {
                put(0xE0 | c >> 12);
            } else {
                put(0xF0 | c >> 18);
                put(0x80 | (c >> 12 & 0x3F));
            }
            put(0x80 | (c >> 6 & 0x3F));
            put(0x80 | (c & 0x3F));
        }
    }
    return out;
}

// Empty if it is no UTF-8: such a file cannot be named.
static std::u16string utf16(std::string_view text) {
    std::u16string out;
    for (size_t i = 0; i < text.size();) {
        auto lead = static_cast<unsigned char>(text[i++]);
        int more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : -1;
        if (more < 0 || text.size() - i < static_cast<size_t>(more)) {
            return {};
        }
        char32_t c = more == 0 ? lead : lead & (0x3Fu >> more);
        for (; more > 0; --more, ++i) {
            c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
        }
        if (c >= 0x10000) {
            out += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
            c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        }
        out += static_cast<char16_t>(c);
    }
    return out;
}

// The name that the host has for it: the same, or one that differs in case only. Empty: none.
static std::string lookUp(const std::string &folder, std::u16string_view wanted) {
    std::string exact = utf8(wanted);
    struct stat facts;
    if (stat((folder + exact).c_str(), &facts) == 0) {
        return exact;
    }
    std::u16string upper = upcase(wanted);
    std::string found;
    if (DIR *entries = opendir(folder.c_str())) {
        while (const dirent *entry = readdir(entries)) {
            if (upcase(utf16(entry->d_name)) == upper && stat((folder + entry->d_name).c_str(), &facts) == 0) {
                found = entry->d_name;
                break;
            }
        }
        closedir(entries);
    }
    return found;
}

NTSTATUS findHostPath(std::u16string_view name, HostPath *result) {
    // The volume itself cannot be opened.
    if (name.empty()) {
        return STATUS_ACCESS_DENIED;
    }
    *result = {"/", u"\\", true};
    std::u16string_view left = name.substr(1);
    if (left.ends_with(u'\\')) {
        left.remove_suffix(1);
    }
    while (!left.empty()) {
        size_t end = std::min(left.find(u'\\'), left.size());
        std::u16string_view part = left.substr(0, end);
        if (!validComponent(part) || utf8(part).empty()) {
            return STATUS_OBJECT_NAME_INVALID;
        }
        if (!result->exists) {
            return STATUS_OBJECT_PATH_NOT_FOUND;
        }
        bool root = result->name.size() == 1;
        std::string folder = root ? "/" : result->path + "/";
        std::string actual = lookUp(folder, part);
        result->exists = !actual.empty();
        result->path = folder + (result->exists ? actual : utf8(part));
        result->name += (root ? u"" : u"\\") + std::u16string(part);
        left = left.substr(std::min(end + 1, left.size()));
    }
    return STATUS_SUCCESS;
}

} // namespace nt
