"""The console's doors to sessions, staff, roles and the audit; the permissions of people and units."""

from siyu.people.staff.http import devices, people, second_step, session, trail
from siyu.people.staff.rules import permission

permission("settings.edit", {"zh-CN": "修改品牌设置", "en": "Change the brand's settings"})
permission("units.edit", {"zh-CN": "管理组织架构", "en": "Manage the organisation"})
permission("staff.view", {"zh-CN": "查看员工", "en": "See staff"})
permission("staff.edit", {"zh-CN": "管理员工与角色", "en": "Manage staff and roles"})
permission("audit.view", {"zh-CN": "查看操作日志", "en": "See the audit"})

console_routes = [
    session.begin_session,
    session.show_session,
    session.patch_session,
    session.end_session,
    session.change_password,
    people.list_staff,
    people.post_staff,
    people.patch_staff,
    people.reset_password,
    people.list_roles,
    people.put_role,
    second_step.show_second_step,
    second_step.begin_second_step,
    second_step.confirm_second_step,
    second_step.renew_recovery_codes,
    second_step.turn_second_step_off,
    second_step.reset_second_step,
    devices.list_own_sessions,
    devices.end_other_sessions,
    devices.end_own_session,
    devices.list_sessions_of,
    devices.end_all_sessions_of,
    devices.end_session_of,
    trail.list_audit,
    trail.show_seal,
]
