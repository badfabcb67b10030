"""What people read of a window's backup and verification."""

from domain.maintenance.procedures import ProcedureState, Purpose, WindowProcedure
from domain.rich_text import Text, sentence
from domain.text import format_duration

_NAMES = {Purpose.BACKUP: "Backup", Purpose.VERIFICATION: "Verification"}


def outcome(procedure: WindowProcedure) -> Text:
    """One sentence: how it ended, or that it has not."""
    name = _NAMES[procedure.purpose]
    match procedure.state:
        case ProcedureState.DONE:
            return f"{name} done in {format_duration(procedure.lasted)}."
        case ProcedureState.FAILED:
            return sentence(f"{name} failed: ", procedure.problem)
        case ProcedureState.SKIPPED:
            return sentence(f"{name} not made: ", procedure.problem)
        case _:
            return f"{name} not finished."
