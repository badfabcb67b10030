import pytest

from domain.people import Member, Person, Role, allows, highest_role, roles_held

PERSON = Person("U1", "T1")
LADDER = [Role.VIEWER, Role.RESPONDER, Role.DEPLOYER, Role.APPROVER, Role.SRE, Role.ADMIN]


@pytest.mark.parametrize("held", LADDER)
@pytest.mark.parametrize("needed", LADDER)
def test_each_role_includes_the_ones_before_it(held: Role, needed: Role) -> None:
    assert allows({held}, needed) is (LADDER.index(held) >= LADDER.index(needed))


@pytest.mark.parametrize("role", LADDER)
def test_security_stands_beside_the_ladder(role: Role) -> None:
    assert not allows({Role.SECURITY}, role)
    assert not allows({role}, Role.SECURITY)


def test_security_allows_itself() -> None:
    assert allows({Role.SECURITY}, Role.SECURITY)


def test_nobody_may_do_anything_without_a_role() -> None:
    assert not any(allows(frozenset(), role) for role in Role)


@pytest.mark.parametrize(
    ("member", "roles"),
    [
        (Member(person=PERSON, name="ana"), {Role.VIEWER, Role.DEPLOYER}),
        (Member(person=Person("U2", "T1"), name="lee"), {Role.VIEWER}),
        (Member(person=Person("U2", "T1"), name="lee", groups=frozenset({"S1"})), {Role.VIEWER, Role.SRE}),
        (Member(person=PERSON, name="ana", guest=True), set()),
        (Member(person=PERSON, name="ana", stranger=True), set()),
        (Member(person=Person("U2", "T1"), name="U1"), {Role.VIEWER}),
    ],
)
def test_roles_come_from_ids_never_from_names(member: Member, roles: set[Role]) -> None:
    grants = {Role.VIEWER: ["*"], Role.DEPLOYER: ["U1"], Role.SRE: ["S1"]}
    assert roles_held(member, grants) == roles


def test_the_highest_role_is_shown() -> None:
    assert highest_role({Role.VIEWER, Role.SRE, Role.SECURITY}) is Role.SRE
    assert highest_role({Role.SECURITY}) is None
    assert highest_role(()) is None
