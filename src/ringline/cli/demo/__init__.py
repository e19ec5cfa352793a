"""The demo of `ringline dev`: an application with a menu, its numbers, and an extension that answers with an echo."""

from ringline.cli.demo.menu import Menu
from ringline.cli.demo.parts import BOB, BOB_PORT, DEMO_NUMBER, ECHO, MENU_HELP, Demo
from ringline.cli.demo.phone_page import BROWSER_USER, PhonePage
from ringline.cli.demo.web import MenuServer

__all__ = [
    "BOB",
    "BOB_PORT",
    "BROWSER_USER",
    "DEMO_NUMBER",
    "ECHO",
    "MENU_HELP",
    "Demo",
    "Menu",
    "MenuServer",
    "PhonePage",
]
