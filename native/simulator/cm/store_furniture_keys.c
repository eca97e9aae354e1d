// SPDX-License-Identifier: MIT
//
// The tables of store_furniture.h.

#include "store_furniture.h"

const CM_PIECE CmpFurniture[] = {
    {CmFrame, L"MACHINE"},
    {CmFrame, L"USER"},
    {CmFrame, L"A"},
    {CmHive, L"MACHINE\\BCD00000000"},
    {CmVolatileHive, L"MACHINE\\HARDWARE"},
    {CmHive, L"MACHINE\\SAM"},
    {CmHive, L"MACHINE\\SECURITY"},
    {CmHive, L"MACHINE\\SOFTWARE"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Classes"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Classes\\AppID"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Classes\\PROTOCOLS"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Classes\\TypeLib"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Classes\\WOW6432Node"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Clients"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\RunOnce"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Policies"},
    {CmPlain, L"MACHINE\\SOFTWARE\\Policies\\Microsoft"},
    {CmPlain, L"MACHINE\\SOFTWARE\\WOW6432Node"},
    {CmPlain, L"MACHINE\\SOFTWARE\\WOW6432Node\\Microsoft"},
    {CmHive, L"MACHINE\\SYSTEM"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001\\Control"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001\\Control\\Lsa"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001\\Control\\Session Manager"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001\\Control\\Session Manager\\Environment"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001\\Enum"},
    {CmPlain, L"MACHINE\\SYSTEM\\ControlSet001\\Services"},
    {CmPlain, L"MACHINE\\SYSTEM\\Select"},
    {CmPlain, L"MACHINE\\SYSTEM\\Setup"},
};
const ULONG CmpFurnitureCount = RTL_NUMBER_OF(CmpFurniture);

const CM_LINK_PIECE CmpLinks[] = {
    {CmLink, L"MACHINE\\SOFTWARE\\Classes\\WOW6432Node\\AppID", L"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\AppID"},
    {CmLink, L"MACHINE\\SOFTWARE\\Classes\\WOW6432Node\\PROTOCOLS",
     L"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\PROTOCOLS"},
    {CmLink, L"MACHINE\\SOFTWARE\\Classes\\WOW6432Node\\TypeLib", L"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\TypeLib"},
    {CmLink, L"MACHINE\\SOFTWARE\\WOW6432Node\\Classes", L"\\REGISTRY\\MACHINE\\SOFTWARE\\Classes\\WOW6432Node"},
    {CmVolatileLink, L"MACHINE\\SYSTEM\\CurrentControlSet", L"\\REGISTRY\\MACHINE\\SYSTEM\\ControlSet001"},
};
const ULONG CmpLinkCount = RTL_NUMBER_OF(CmpLinks);

const WCHAR *const CmpAccounts[] = {
    L".DEFAULT", L"S-1-5-18", L"S-1-5-19", L"S-1-5-20", L"S-1-5-21-3623811015-3361044348-30300820-1013",
};
const ULONG CmpAccountCount = RTL_NUMBER_OF(CmpAccounts);

const WCHAR *const CmpUsers[] = {L"S-1-5-21-3623811015-3361044348-30300820-1013"};
const ULONG CmpUserCount = RTL_NUMBER_OF(CmpUsers);

const WCHAR *const CmpAccountKeys[] = {
    L"Console",
    L"Control Panel",
    L"Control Panel\\Desktop",
    L"Environment",
    L"Software",
    L"Software\\Classes",
    L"Software\\Microsoft",
    L"Software\\Microsoft\\Windows",
    L"Software\\Microsoft\\Windows\\CurrentVersion",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\Explorer",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\Policies",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\Run",
    L"Software\\Microsoft\\Windows\\CurrentVersion\\RunOnce",
    L"Software\\Policies",
    L"Volatile Environment",
};
const ULONG CmpAccountKeyCount = RTL_NUMBER_OF(CmpAccountKeys);

const WCHAR *const CmpSharedKeys[] = {
    L"Clients",
    L"Microsoft\\COM3",
    L"Microsoft\\CTF\\SystemShared",
    L"Microsoft\\CTF\\TIP",
    L"Microsoft\\Cryptography\\Calais\\Current",
    L"Microsoft\\Cryptography\\Calais\\Readers",
    L"Microsoft\\Cryptography\\Services",
    L"Microsoft\\DFS",
    L"Microsoft\\Driver Signing",
    L"Microsoft\\EnterpriseCertificates",
    L"Microsoft\\EventSystem",
    L"Microsoft\\MSMQ",
    L"Microsoft\\Non-Driver Signing",
    L"Microsoft\\Notepad\\DefaultFonts",
    L"Microsoft\\OLE",
    L"Microsoft\\RAS",
    L"Microsoft\\RPC",
    L"Microsoft\\Shared Tools\\MSInfo",
    L"Microsoft\\SystemCertificates",
    L"Microsoft\\TermServLicensing",
    L"Microsoft\\TransactionServer",
    L"Microsoft\\Windows\\CurrentVersion\\App Paths",
    L"Microsoft\\Windows\\CurrentVersion\\Control Panel\\Cursors\\Schemes",
    L"Microsoft\\Windows\\CurrentVersion\\Explorer\\AutoplayHandlers",
    L"Microsoft\\Windows\\CurrentVersion\\Explorer\\DriveIcons",
    L"Microsoft\\Windows\\CurrentVersion\\Explorer\\KindMap",
    L"Microsoft\\Windows\\CurrentVersion\\Group Policy",
    L"Microsoft\\Windows\\CurrentVersion\\Policies",
    L"Microsoft\\Windows\\CurrentVersion\\PreviewHandlers",
    L"Microsoft\\Windows\\CurrentVersion\\Setup",
    L"Microsoft\\Windows\\CurrentVersion\\Telephony\\Locations",
    L"Microsoft\\Windows NT\\CurrentVersion\\Console",
    L"Microsoft\\Windows NT\\CurrentVersion\\FontDpi",
    L"Microsoft\\Windows NT\\CurrentVersion\\FontLink",
    L"Microsoft\\Windows NT\\CurrentVersion\\FontMapper",
    L"Microsoft\\Windows NT\\CurrentVersion\\FontSubstitutes",
    L"Microsoft\\Windows NT\\CurrentVersion\\Fonts",
    L"Microsoft\\Windows NT\\CurrentVersion\\Gre_Initialize",
    L"Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options",
    L"Microsoft\\Windows NT\\CurrentVersion\\Language Pack",
    L"Microsoft\\Windows NT\\CurrentVersion\\NetworkCards",
    L"Microsoft\\Windows NT\\CurrentVersion\\Perflib",
    L"Microsoft\\Windows NT\\CurrentVersion\\Ports",
    L"Microsoft\\Windows NT\\CurrentVersion\\Print",
    L"Microsoft\\Windows NT\\CurrentVersion\\ProfileList",
    L"Microsoft\\Windows NT\\CurrentVersion\\Time Zones",
    L"Policies",
    L"RegisteredApplications",
};
const ULONG CmpSharedKeyCount = RTL_NUMBER_OF(CmpSharedKeys);
