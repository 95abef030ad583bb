"""Backends that find users by is_active alone, or without a condition, in the ways in which projects write that."""

import logging

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ObjectDoesNotExist, ValidationError

log = logging.getLogger(__name__)
User = get_user_model()


class ActiveBySuper(ModelBackend):
    """The parent's answer, with a note."""

    def get_user(self, user_id):
        user = super(ActiveBySuper, self).get_user(user_id)
        log.debug("%s is %s", user_id, user)
        return user


class ActiveByQuery(object):
    def authenticate(self, request, **credentials):
        return None

    def get_user(self, user_id):
        try:
            return User.objects.get(pk=int(user_id), is_active=True)
        except (User.DoesNotExist, ValueError, TypeError):
            return None


class ActiveByFlag(ModelBackend):
    def get_user(self, user_id):
        model = get_user_model()
        user = None
        try:
            user = model._default_manager.select_related().get(**{"pk": user_id})
        except ObjectDoesNotExist as e:
            log.info("no user: %s", e)
        if not user or not getattr(user, "is_active", False):
            return None
        user.backend_of_session = "this"
        return user


class ActiveByHelpers(ModelBackend):
    def get_user(self, user_id):
        user = self.find(self.get_model(), user_id=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_model(self):
        return get_user_model()

    def find(self, model, user_id):
        try:
            return User._base_manager.get(number=user_id)
        except (ObjectDoesNotExist, ValidationError):
            return None

    def user_can_authenticate(self, user):
        return bool(user.is_active)


class AnyByKey(ModelBackend):
    def get_user(self, user_id):
        return User.objects.filter(pk=user_id).first()


class AnyByTrying(ModelBackend):
    def __init__(self):
        self.model = get_user_model()

    def get_user(self, user_id):
        if user_id is None:
            return None
        try:
            return self.model.objects.get(pk=user_id)
        except self.model.DoesNotExist:
            return None

    def has_perm(self, user_obj, perm, obj=None):
        return super(AnyByTrying, self).has_perm(user_obj, perm, obj)


class AnyByRule(ModelBackend):
    def user_can_authenticate(self, user):
        return True


class AnyStatic(object):
    @staticmethod
    def get_user(user_id):
        try:
            return User.objects.get(pk=user_id)
        except User.DoesNotExist:
            return None
