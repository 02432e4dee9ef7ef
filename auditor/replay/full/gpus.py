"""The GPUs as NVIDIA's management library shows them (NVML, package `nvidia-ml-py`).

Written against the library's documented interface and tested with a stand-in for it; not run on a GPU yet.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

WANTED: Final = "H100"
MEMORY_BYTES: Final = 79 << 30
"""An H100 SXM has 80 GB; what the driver keeps is not shown."""

BUSY_PERCENT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU as it is before a run.

    Attributes:
        memory_bytes, used_bytes: of its memory.
        clock_mhz: of its multiprocessors, the most it can.
        ecc_errors: uncorrected ones, None where they are not counted.
        processes: of others on it.
    """

    index: int
    name: str
    memory_bytes: int
    used_bytes: int
    clock_mhz: int | None
    ecc_errors: int | None
    processes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSample:
    """One GPU at a moment; None for what it does not tell. Power in watts, temperature in °C, clock in MHz."""

    index: int
    busy_percent: int | None
    used_bytes: int | None
    power_w: float | None
    clock_mhz: int | None
    temperature_c: int | None


class Nvml:
    """An open handle on the library.

    Raises:
        OSError: the library or the driver is not there.
    """

    def __init__(self, module: Any = None) -> None:
        try:
            self._nvml = module if module is not None else importlib.import_module("pynvml")
            self._nvml.nvmlInit()
        except ImportError as error:
            raise OSError(
                "nvidia-ml-py is not installed: pip install 'parameter-golf-auditor[gpu]'"
            ) from error
        except Exception as error:  # the library raises its own kinds of error
            raise OSError(f"no NVIDIA driver answers: {error}") from error
        self._handles = [
            self._nvml.nvmlDeviceGetHandleByIndex(i) for i in range(self._nvml.nvmlDeviceGetCount())
        ]

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._nvml.nvmlShutdown()

    @property
    def driver(self) -> str:
        """Version of the driver."""
        return _text(self._ask(self._nvml.nvmlSystemGetDriverVersion))

    def gpus(self) -> list[Gpu]:
        """Every GPU as it is now."""
        nvml, found = self._nvml, []
        for index, handle in enumerate(self._handles):
            memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            running = self._ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
            found.append(
                Gpu(
                    index=index,
                    name=_text(self._ask(nvml.nvmlDeviceGetName, handle)),
                    memory_bytes=int(memory.total) if memory is not None else 0,
                    used_bytes=int(memory.used) if memory is not None else 0,
                    clock_mhz=self._ask(nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_SM),
                    ecc_errors=self._ask(
                        nvml.nvmlDeviceGetTotalEccErrors,
                        handle,
                        nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                        nvml.NVML_VOLATILE_ECC,
                    ),
                    processes=tuple(int(one.pid) for one in running),
                )
            )
        return found

    def sample(self) -> list[GpuSample]:
        """What every GPU does now."""
        nvml, found = self._nvml, []
        for index, handle in enumerate(self._handles):
            busy = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
            memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
            power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
            found.append(
                GpuSample(
                    index=index,
                    busy_percent=int(busy.gpu) if busy is not None else None,
                    used_bytes=int(memory.used) if memory is not None else None,
                    power_w=power / 1000.0 if power is not None else None,
                    clock_mhz=self._ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
                    temperature_c=self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
                )
            )
        return found

    def busy(self) -> set[int]:
        """Numbers of the GPUs that compute, or of which that is not told."""
        return {
            one.index for one in self.sample() if one.busy_percent is None or one.busy_percent >= BUSY_PERCENT
        }

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """An answer, None where this GPU or driver has none."""
        try:
            return function(*arguments)
        except Exception:  # noqa: BLE001  (each of the library's errors means that it is not told)
            return None


def gpu_problems(gpus: Sequence[Gpu], ranks: int) -> list[str]:
    """Why a run on these GPUs would not be the run that the rules mean."""
    if len(gpus) < ranks:
        return [f"too few GPUs: {ranks} ranks need {ranks}, there are {len(gpus)}"]
    found = []
    for gpu in gpus[:ranks]:
        if WANTED not in gpu.name:
            found.append(f"GPU {gpu.index} is {gpu.name or 'of unknown kind'}, not an {WANTED}")
        elif gpu.memory_bytes < MEMORY_BYTES:
            found.append(f"GPU {gpu.index} shows {gpu.memory_bytes >> 30} GiB, an {WANTED} SXM has 80")
        if gpu.processes:
            numbers = ", ".join(map(str, gpu.processes))
            found.append(f"GPU {gpu.index} is in use by process {numbers}")
        if gpu.ecc_errors:
            found.append(f"GPU {gpu.index} has {gpu.ecc_errors} uncorrected memory errors")
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")
