# cmake -DFILE=model.safetensors -DNAME=model_file -DSOURCE=model_file.c -P array_of_file.cmake: a file as a constant array of C.
file(READ "${FILE}" hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE "${SOURCE}" "#include \"linked_files.h\"

_Alignas(64) const unsigned char ${NAME}[] = {${bytes}};
const size_t ${NAME}_bytes = sizeof ${NAME};
")
