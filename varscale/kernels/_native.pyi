"""src/module.c."""

def advise_huge_pages(address: int, size: int, /) -> None: ...
def isas() -> list[str]: ...
def fill(
    program: bytes,
    word: int,
    word_2: int,
    address: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    counter_strides: tuple[int, ...],
    isa: int,
    threads: int,
    limit: int,
    /,
) -> None: ...
