"""Whether an error means that memory ran out, what it says, and how memory is given back."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may succeed where this one failed.

    >>> is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."))
    True
    >>> is_out_of_memory(RuntimeError("shape mismatch"))
    False
    """
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


def first_line(error: BaseException) -> str:
    """What an error says first, or its type where it says nothing.

    >>> first_line(MemoryError())
    'MemoryError'
    """
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def release_memory() -> None:
    """Gives what a failed batch held back to the device."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
