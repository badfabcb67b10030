"""How DBOS stores inputs, results and errors."""

import json
from typing import Any

from dbos import Serializer


class JsonSerializer(Serializer):
    """Stores DBOS's inputs, results and errors as JSON. Its default, pickle, would execute code from the database."""

    def serialize(self, data: Any) -> str:
        return json.dumps({"error": repr(data)} if isinstance(data, BaseException) else {"data": data})

    def deserialize(self, serialized_data: str) -> Any:
        stored = json.loads(serialized_data)
        return RuntimeError(stored["error"]) if "error" in stored else stored["data"]

    def name(self) -> str:
        return "json"
