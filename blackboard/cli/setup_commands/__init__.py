"""The commands that prepare a project and a deployment.

new_command     new
demo_command    demo
demo_samples    the samples of the demo
check_command   check
preview_tables  the preview of a deployment, as tables
rules_command   test
"""
