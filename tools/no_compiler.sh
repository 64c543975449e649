#!/bin/sh
# Stands for a C compiler and an archiver where nothing is linked: `make check-platforms`. It leaves empty files.
previous=
for argument; do
    case $previous in
        -o | cq) : > "$argument" ;;
    esac
    case $argument in
        -out:*) : > "${argument#-out:}" ;;
    esac
    previous=$argument
done
