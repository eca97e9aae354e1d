# Kernel-mode PE files with clang and lld-link. mingw's gcc has no __try.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET x86_64-w64-mingw32)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_STANDARD_LIBRARIES "")
set(CMB_KERNEL ON)

find_program(CMB_LLD_LINK NAMES lld-link lld-link-14 lld-link-15 lld-link-16 lld-link-17 lld-link-18 lld-link-19 REQUIRED)
find_program(CMB_DLLTOOL NAMES x86_64-w64-mingw32-dlltool llvm-dlltool REQUIRED)
find_program(CMB_NODE NAMES node nodejs REQUIRED)
find_program(CMB_WINDRES NAMES x86_64-w64-mingw32-windres REQUIRED)
find_path(CMB_MINGW_INCLUDE ddk/wdm.h PATHS /usr/share/mingw-w64/include /usr/x86_64-w64-mingw32/include REQUIRED)

set(CMAKE_C_LINK_EXECUTABLE "${CMB_LLD_LINK} /nologo <LINK_FLAGS> <OBJECTS> /out:<TARGET> <LINK_LIBRARIES>")
# One kind of build only: what is tested is what is shipped.
set(CMAKE_BUILD_TYPE Release)
# Not by way of _INIT, to which CMake would add -O3.
set(CMAKE_C_FLAGS_RELEASE "-O2" CACHE STRING "Optimization of kernel code")

# Flags of all kernel code. -mno-stack-arg-probe: the routine that probes would call does not exist in a kernel.
# -fasynchronous-unwind-tables: -ffreestanding drops them, and without them no exception finds its handler.
function(cmb_kernel_flags target)
    target_compile_options(${target} PRIVATE
        -fms-extensions -mno-stack-arg-probe -ffreestanding -fasynchronous-unwind-tables
        -mno-red-zone -Wall -Wextra
        -isystem "${CMB_MINGW_INCLUDE}/ddk")
endfunction()

# An import library of exactly the names in a .def file: what is not in the list cannot be linked. It is made where it lies, for
# its path becomes part of names in it, and so of the driver's symbols.
function(cmb_import_library target definitions)
    set(library "${CMAKE_CURRENT_BINARY_DIR}/${target}.lib")
    add_custom_command(OUTPUT "${library}"
        COMMAND "${CMB_DLLTOOL}" -m i386:x86-64 -d "${definitions}" -l ${target}.lib
        WORKING_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}"
        DEPENDS "${definitions}" VERBATIM)
    add_custom_target(${target}_library DEPENDS "${library}")
    add_library(${target} INTERFACE)
    add_dependencies(${target} ${target}_library)
    target_link_libraries(${target} INTERFACE "${library}")
endfunction()
