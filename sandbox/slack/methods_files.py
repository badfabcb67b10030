"""`files.*`: kept by the local Slack; the gateway checks where they go and rewrites their addresses."""

from sandbox.slack.errors import Json
from sandbox.slack.hub import Hub
from sandbox.slack.methods import Method, require_arguments, writable_channel


async def upload_url(hub: Hub, args: Json) -> Json:
    require_arguments(args, "filename", "length")
    answer = await hub.upstream.call("files.getUploadURLExternal", args)
    return {"upload_url": answer["upload_url"], "file_id": answer["file_id"]}


async def complete_upload(hub: Hub, args: Json) -> Json:
    """Real Slack shares the file a moment later and answers without a message ts; so does this."""
    require_arguments(args, "files")
    content = dict(args)
    if args.get("channel_id"):
        content["channel_id"] = (await writable_channel(hub, {"channel": args["channel_id"]})).id
    answer = await hub.upstream.call("files.completeUploadExternal", content)
    return {"files": answer["files"]}


async def files_info(hub: Hub, args: Json) -> Json:
    require_arguments(args, "file")
    return await hub.upstream.call("files.info", {"file": args["file"]})


async def files_list(hub: Hub, args: Json) -> Json:
    return await hub.upstream.call("files.list", args)


async def files_delete(hub: Hub, args: Json) -> Json:
    require_arguments(args, "file")
    return await hub.upstream.call("files.delete", {"file": args["file"]})


async def files_upload(hub: Hub, _: Json) -> Json:
    return await hub.upstream.call("files.upload", {})


METHODS: dict[str, Method] = {
    "files.getUploadURLExternal": upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": files_info,
    "files.list": files_list,
    "files.delete": files_delete,
    "files.upload": files_upload,
}
