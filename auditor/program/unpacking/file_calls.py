"""Decoders and files of the unpacking interpreter: what reading, writing and decompressing gives."""

from __future__ import annotations

import posixpath
from typing import Any

from auditor.program.unpacking.base import InterpreterBase
from auditor.program.unpacking.decoders import DECODERS, DecodeFailure, decode
from auditor.program.unpacking.values import FilePath, Method, OpenFile, Unknown


class FileCalls(InterpreterBase):
    """Methods of paths, open files and decoders over the virtual file system."""

    def decoded(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> object:
        """Call a decoder."""
        for value in (*arguments, *keywords.values()):
            if isinstance(value, Unknown):
                return value
        keywords = {
            key: value for key, value in keywords.items() if not (name == "codecs.decode" and key == "errors")
        }
        try:
            result = decode(name, arguments, keywords)
        except DecodeFailure as failure:
            return Unknown(str(failure))
        self.budget.allocate(len(result))
        label = DECODERS[name][0]
        if label == "codec":
            label = str(arguments[1]) if len(arguments) > 1 else "utf-8"
        return self.derived(result, arguments, label)

    def compressed_file(self, decoder: str, arguments: list[Any], keywords: dict[str, Any]) -> object:
        source = arguments[0] if arguments else keywords.get("fileobj", keywords.get("filename"))
        if source is None:
            source = keywords.get("fileobj")
        mode = arguments[1] if len(arguments) > 1 else keywords.get("mode", "rb")
        if not isinstance(source, OpenFile):
            source = self.library.call("open", [source, "rb"], {})
        if isinstance(source, Unknown):
            return source
        assert isinstance(source, OpenFile)
        data = self.decoded(decoder, [source.content], {})
        return OpenFile(None, "t" not in str(mode), data) if isinstance(data, bytes) else data

    def file_method(self, file: OpenFile, name: str, arguments: list[Any]) -> object:
        if name in ("read", "getvalue", "readlines", "getbuffer"):
            size = arguments[0] if arguments and isinstance(arguments[0], int) and arguments[0] >= 0 else None
            end = len(file.content) if size is None or name != "read" else file.position + size
            data = file.content[file.position if name != "getvalue" else 0 : end]
            file.position = min(end, len(file.content))
            return self._text_or_bytes(data, file.binary, lines=name == "readlines", file=file)
        if name == "seek" and arguments and isinstance(arguments[0], int):
            file.position = max(arguments[0], 0)
            return file.position
        if name == "write" and arguments:
            return self._write(file, arguments[0])
        if name in ("flush", "close", "fileno", "tell", "truncate"):
            return None
        return Unknown(f"file.{name}() is not followed")

    def _text_or_bytes(
        self, data: bytes, binary_mode: bool, *, lines: bool = False, file: OpenFile
    ) -> object:
        self.budget.allocate(len(data))
        if binary_mode:
            value: object = data.splitlines(keepends=True) if lines else data
        else:
            try:
                text = data.decode("utf-8").replace("\r\n", "\n")
            except UnicodeDecodeError as error:
                return Unknown(f"{file.path or 'the data'} is not UTF-8 text: {error.reason}")
            value = text.splitlines(keepends=True) if lines else text
        if file.path is not None and file.path not in self.files.written:
            relative = self.files.relative(file.path) or file.path
            return self.derived(
                value, [], "own text" if file.path == self.files.script else f"sibling file {relative}"
            )
        return self.derived(value, [self._written_by(file.path)])

    def _written_by(self, path: str | None) -> object:
        return self.sources.get(path) if path is not None else None

    def _write(self, file: OpenFile, value: object) -> object:
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogatepass")
        elif isinstance(value, (bytes, bytearray)):
            data = bytes(value)
        else:
            return value if isinstance(value, Unknown) else Unknown("a write of no text")
        self.budget.allocate(len(file.content) + len(data))
        file.content += data
        if file.path is not None:
            self.files.write(file.path, file.content)
            self.sources[self.files.absolute(file.path)] = value
        return len(data)

    def path_method(
        self, path: FilePath, name: str, arguments: list[Any], keywords: dict[str, Any]
    ) -> object:
        unknown = next((item for item in arguments if isinstance(item, Unknown)), None)
        if unknown is not None:
            return unknown
        if name in ("read_text", "read_bytes"):
            file = self.library.call("open", [path.text, "rb" if name == "read_bytes" else "r"], {})
            return self.file_method(file, "read", []) if isinstance(file, OpenFile) else file
        if name in ("write_text", "write_bytes") and arguments:
            file = self.library.call("open", [path.text, "wb"], {})
            return self._write(file, arguments[0]) if isinstance(file, OpenFile) else file
        if name == "open":
            return self.library.call("open", [path.text, *arguments], keywords)
        if name in ("exists", "is_file"):
            return self.library.call("os.path.exists", [path.text], {})
        if name in ("resolve", "absolute", "expanduser"):
            return FilePath(self.files.absolute(path.text))
        if name in ("with_name", "with_suffix", "with_stem") and arguments:
            return self._renamed(path.text, name, str(arguments[0]))
        if name == "joinpath":
            return FilePath(posixpath.join(path.text, *(self.library.text(item) for item in arguments)))
        if name in ("as_posix", "__str__", "__fspath__"):
            return path.text
        if name in ("mkdir", "touch", "unlink", "chmod"):
            return None
        return Unknown(f"Path.{name}() is not followed")

    def _renamed(self, text: str, name: str, new: str) -> FilePath:
        folder, base = posixpath.split(text)
        stem, suffix = posixpath.splitext(base)
        renamed = {"with_name": new, "with_suffix": stem + new, "with_stem": new + suffix}[name]
        return FilePath(posixpath.join(folder, renamed))

    def path_attribute(self, path: FilePath, name: str) -> object:
        text = path.text
        if name == "parent":
            return FilePath(posixpath.dirname(text) or ".")
        if name in ("name", "stem", "suffix"):
            base = posixpath.basename(text)
            stem, suffix = posixpath.splitext(base)
            return {"name": base, "stem": stem, "suffix": suffix}[name]
        return Method(path, name)

    def ancestor(self, path: FilePath, index: object) -> object:
        if not isinstance(index, int) or not 0 <= index < 64:
            return Unknown("Path.parents of an unknown index")
        text = self.files.absolute(path.text)
        for _ in range(index + 1):
            text = posixpath.dirname(text)
        return FilePath(text)
