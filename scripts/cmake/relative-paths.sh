# Runs a compiler with paths that do not name the folder of the project: sh relative-paths.sh FOLDER UP COMMAND...
# UP is the way from here to FOLDER. clang 14 writes its command line into the symbols, and cannot be told not to.
folder=$1 up=$2
shift 2
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  case $argument in
    "$folder"/*) argument=$up/${argument#"$folder"/} ;;
    -I"$folder"/*) argument=-I$up/${argument#-I"$folder"/} ;;
  esac
  set -- "$@" "$argument"
  count=$((count - 1))
done
exec "$@"
