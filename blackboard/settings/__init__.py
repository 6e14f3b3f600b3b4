"""Deployment files: reading, checking and resolving. All mistakes are reported together; no database is opened.

sections                the sections and their fields
sink_sections           the items of [[sinks]]
deployment_file         finding and reading the file, with overrides
environment             the overrides from environment variables
trusted_folders         whether other users may change a file that was found and not named
agent_defined_settings  the settings that agents define: their sections of [settings], and the mistakes in them
declaration_warnings    warnings of declarations that are valid and probably mistakes
imported_objects        the agents and mark classes that the file names, imported
remote_declarations     the remote agents that the file declares
declaration_overrides   the sections that change declared kinds, agents and watches
mistake_list            the mistakes that were found in a file
deployment_resolver     the deployment that a file describes
"""
