"""The commands that prepare a project and a deployment.

new_command     new
init_command    init
demo_command    demo
demo_settings   the section `[settings.demo]`, and the files that it names
check_command   check
preview_tables  the preview of a deployment, as tables
test_command    test
"""
