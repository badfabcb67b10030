"""ControllerRevisions: the history of a StatefulSet or DaemonSet, one for each pod template that it had."""

import copy

from sandbox.cluster.defaults import template_hash
from sandbox.cluster.model import Json, annotations_of, key_of, labels_of, owned_by, owner_reference
from sandbox.cluster.resources import CONTROLLER_REVISIONS, ResourceType
from sandbox.cluster.store import ObjectStore

POD_REVISION_LABEL = "controller-revision-hash"


def revisions_of(store: ObjectStore, owner: Json) -> list[Json]:
    """The revisions of this object, oldest first."""
    namespace = owner["metadata"]["namespace"]
    owned = [each for each in store.all(CONTROLLER_REVISIONS, namespace) if owned_by(each, owner)]
    return sorted(owned, key=lambda each: int(each["revision"]))


def current_revision(store: ObjectStore, resource: ResourceType, owner: Json) -> Json:
    """The revision of the owner's template: made where there is none, and the newest number where it is an older one."""
    known = revisions_of(store, owner)
    data = _data_of(owner)
    highest = int(known[-1]["revision"]) if known else 0
    found = next((each for each in known if each["data"] == data), None)
    if found is None:
        return store.create(CONTROLLER_REVISIONS, _new_revision(resource, owner, data, highest + 1))
    if int(found["revision"]) == highest:
        return found
    return store.modify(CONTROLLER_REVISIONS, key_of(found), lambda each: each.update(revision=highest + 1))


def forget_old_revisions(store: ObjectStore, owner: Json, used: set[str]) -> None:
    """Remove the oldest revisions beyond the history limit, but none that ``used`` names."""
    idle = [each for each in revisions_of(store, owner) if each["metadata"]["name"] not in used]
    for revision in idle[: max(0, len(idle) - int(owner["spec"]["revisionHistoryLimit"]))]:
        store.remove(CONTROLLER_REVISIONS, key_of(revision))


def template_in(revision: Json) -> Json:
    """The pod template of a revision, without the directive that makes it a patch."""
    return {key: copy.deepcopy(value) for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}


def new_pod(resource: ResourceType, owner: Json, revision: Json, name: str, revision_label: str) -> Json:
    """A pod of this revision, not yet anywhere."""
    template = template_in(revision)
    metadata = {
        **template["metadata"],
        "name": name,
        "generateName": f"{owner['metadata']['name']}-",
        "namespace": owner["metadata"]["namespace"],
        "labels": {**labels_of(template), POD_REVISION_LABEL: revision_label},
        "ownerReferences": [owner_reference(resource.api_version, resource.kind, owner)],
    }
    return {"metadata": metadata, "spec": template["spec"], "status": {"phase": "Pending", "qosClass": "Burstable"}}


def revision_of_pod(pod: Json) -> str:
    """The value of the label with which a pod names its revision."""
    return labels_of(pod).get(POD_REVISION_LABEL, "")


def _data_of(owner: Json) -> Json:
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def _new_revision(resource: ResourceType, owner: Json, data: Json, number: int) -> Json:
    metadata, digest = owner["metadata"], template_hash(owner["spec"]["template"])
    return {
        "metadata": {
            "name": f"{metadata['name']}-{digest}",
            "namespace": metadata["namespace"],
            "labels": {**labels_of(owner["spec"]["template"]), POD_REVISION_LABEL: digest},
            "annotations": dict(annotations_of(owner)),
            "ownerReferences": [owner_reference(resource.api_version, resource.kind, owner)],
        },
        "data": copy.deepcopy(data),
        "revision": number,
    }
