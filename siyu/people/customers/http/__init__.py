"""The doors to customers: for shoppers (face, sessions, addresses) and for the console."""

from siyu.people.customers.http import book, console, shop, vault

shop_routes = [
    shop.show_shop,
    shop.begin_guest,
    shop.send_code,
    shop.verify_code,
    shop.show_session,
    shop.end_session,
    shop.patch_me,
    shop.show_demo_inbox,
    book.list_regions,
    book.list_addresses,
    book.post_address,
    book.put_address,
    book.delete_address,
]
console_routes = [
    book.list_regions_for_staff,
    console.list_customers,
    console.show_customer,
    console.reveal,
    console.forget,
    vault.show_vault,
    vault.renew_wrapping,
]
