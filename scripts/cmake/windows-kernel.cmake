# Kernel-mode PE files with clang and lld-link. Both are needed: mingw's gcc has no __try, and lld-link writes the WDM_DRIVER bit.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET x86_64-w64-mingw32)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_STANDARD_LIBRARIES "")
set(CMB_KERNEL ON)

find_program(CMB_LLD_LINK NAMES lld-link lld-link-14 lld-link-15 lld-link-16 lld-link-17 lld-link-18 lld-link-19 REQUIRED)
find_program(CMB_DLLTOOL NAMES x86_64-w64-mingw32-dlltool llvm-dlltool REQUIRED)
set(CMAKE_C_LINK_EXECUTABLE "${CMB_LLD_LINK} /nologo <LINK_FLAGS> <OBJECTS> /out:<TARGET> <LINK_LIBRARIES>")
