"""Files that belong to a message: each is in its thread once, under its own name."""

from typing import Any

import pytest

from bot.views.markup.document import Document, Paragraph, TextFile
from bot.views.markup.message import Message, message_of
from bot.views.markup.spans import line
from domain.people import Person
from sandbox.slack.local import RunningSlack
from storage.incident_messages import statistics_message
from storage.store import Store
from tests.harness.families import render
from tests.harness.outbox_worker import counts, enqueue, outbox_note, run_worker, wait_all_settled
from tests.harness.samples.incident_report_gallery import STATISTICS

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRAFT = "# Post-mortem\n\n- 14:02 UTC rollback, password=hunter2hunter2\n"


def with_file(fact: Any) -> Message:
    summary = line(fact.text)
    return message_of(Document(summary=summary, blocks=(Paragraph((summary,)),), file=TextFile("inc-x4k2.md", DRAFT)))


async def thread_files(slack: RunningSlack) -> list[dict[str, Any]]:
    (root,) = await slack.client.messages("deploys")
    return [file for each in await slack.client.thread("deploys", root.ts) for file in each.files]


async def test_a_file_is_in_the_thread_of_its_message_without_secrets(store: Store, slack: RunningSlack) -> None:
    await enqueue(store, outbox_note("draft", "The post-mortem."))
    async with run_worker(store, slack, render=with_file):
        await wait_all_settled(store)
    (file,) = await thread_files(slack)
    assert (file["name"], file["title"]) == ("inc-x4k2.md", "inc-x4k2.md")
    assert file["size"] == len(DRAFT.replace("hunter2hunter2", "•••").encode())
    assert await counts(store) == {"delivered": 1}


@pytest.mark.parametrize("stage", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
async def test_a_file_whose_upload_breaks_is_there_once(store: Store, slack: RunningSlack, stage: str) -> None:
    await slack.client.faults.add(stage, "drop_after")
    await enqueue(store, outbox_note("draft", "The post-mortem."))
    async with run_worker(store, slack, render=with_file):
        await wait_all_settled(store)
    assert len(await thread_files(slack)) == 1
    assert len(await slack.client.messages("deploys")) == 1


async def test_statistics_come_with_their_chart_into_a_direct_message(store: Store, slack: RunningSlack) -> None:
    message = statistics_message(STATISTICS, Person("U0TOM00007", "T0DEEPECHO"), "envelope-1")
    await enqueue(store, message)
    async with run_worker(store, slack, render=render):
        await wait_all_settled(store)
    (posted,) = await slack.client.api_calls("chat.postMessage")
    assert posted["args"]["channel"] == "U0TOM00007"
    (upload,) = await slack.client.api_calls("files.getUploadURLExternal")
    assert upload["args"]["filename"] == "incident-statistics-envelope-1.png"
    assert await counts(store) == {"delivered": 1}
