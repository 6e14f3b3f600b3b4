"""Calendar files: the busy times of other people are read from them, and the desk's meetings are written to them.

calendar_file         the file: reads the busy times of other people, and replaces the desk's own events
shared_file           the file on the disk, which several programs and users read and replace
busy_times            which spans the events block, within limits of time and memory
calendar_events       the events as data, and what cannot be read in them
calendar_text         the components of the text, and the lines of each
calendar_times        how a file writes times, dates, lengths and periods
recurrence_rules      recurrence rules (RFC 5545), followed inside a window within a number of steps
vcalendar_recurrence  recurrence rules of vCalendar 1.0, translated to rules of iCalendar
calendar_zones        the zones that a file names
"""
